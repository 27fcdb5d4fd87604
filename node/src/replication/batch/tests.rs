use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::replication::varint;
use crate::session::{Birth, Body, Dot, Key, Register, ReplicaId, Root, Session, Stamp, Value, ValueKind};

const NOW_MS: u64 = 1_790_000_000_000;
const CONTEXT: BatchContext =
    BatchContext { sender: Origin { replica: ReplicaId(3), incarnation: 7 }, partition_count: 256 };
const LIMITS: BatchLimits = BatchLimits { raw_bytes_max: 1 << 20, entries_max: 1000 };

fn encode(
    entries: &[Arc<LogEntry>],
    relay: bool,
    context: BatchContext,
    compress_bytes_min: usize,
) -> Vec<u8> {
    Encoder::new(context).encode(entries, relay, compress_bytes_min)
}

fn decode(bytes: Bytes, context: BatchContext, limits: BatchLimits) -> Result<DecodedBatch, BatchError> {
    Decoder::new(context).decode(bytes, limits)
}

fn entry(replica: u16, seq: u64, key: u8, fragment: &[u8]) -> Arc<LogEntry> {
    let origin = Origin { replica: ReplicaId(replica), incarnation: 7 };
    let fragment = Bytes::copy_from_slice(fragment);
    Arc::new(LogEntry { origin, seq, key: Key([key; 16]), ack: false, fragment })
}

fn any_entry() -> impl Strategy<Value = Arc<LogEntry>> {
    let origin = (0..5u16, prop_oneof![Just(7u32), any::<u32>()]);
    let seq = prop_oneof![1..300u64, 1..=u64::MAX];
    let key = prop_oneof![(0..3u8).prop_map(|byte| [byte; 16]), any::<[u8; 16]>()];
    let junk = proptest::collection::vec(any::<u8>(), 0..80).prop_map(Bytes::from);
    let fragment = prop_oneof![1 => junk.prop_map(Ok), 3 => any_write().prop_map(Err)];
    (origin, seq, key, any::<bool>(), fragment).prop_map(
        |((replica, incarnation), seq, key, ack, fragment)| {
            let origin = Origin { replica: ReplicaId(replica), incarnation };
            let fragment = fragment.unwrap_or_else(|write| write.fragment(Dot { origin, seq }));
            Arc::new(LogEntry { origin, seq, key: Key(key), ack, fragment })
        },
    )
}

/// A change of attributes, a use, or both.
#[derive(Clone, Debug)]
struct Write {
    created: u64,
    stamp: u64,
    last_seen_ms: u64,
    seen: Option<u64>,
    values: Vec<(&'static str, Option<Vec<u8>>)>,
}

impl Write {
    fn fragment(self, dot: Dot) -> Bytes {
        let other = Origin { replica: ReplicaId(9), incarnation: 2 };
        let mut before = Register::default();
        if let Some(seq) = self.seen {
            before = before.write(Dot { origin: other, seq }, 1, None);
        }
        let mut body = Body { last_seen_ms: self.last_seen_ms, ..Body::default() };
        for (name, value) in self.values {
            let value = value.map(|bytes| Value { kind: ValueKind::Text, bytes: bytes.into() });
            body.attributes.insert(name.into(), before.write(dot, self.stamp, value));
        }
        let birth = Birth {
            namespace: "web".into(),
            created: Stamp { hlc: self.created, origin: other },
            absolute_deadline_ms: (self.created >> 16) + 86_400_000,
            idle_timeout_ms: 1_800_000,
        };
        Session { birth, complete: false, root: Root::Live(body) }.encode()
    }
}

fn any_write() -> impl Strategy<Value = Write> {
    let time = || {
        prop_oneof![Just(NOW_MS << 16), (0..1u64 << 40).prop_map(|near| (NOW_MS << 16) + near), any::<u64>()]
    };
    let bytes = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..30));
    let values = proptest::collection::vec((prop_oneof![Just("a"), Just("b")], bytes), 0..3);
    let seen = proptest::option::of(1..=u64::MAX);
    let last_seen_ms = prop_oneof![Just(0), NOW_MS..NOW_MS + 9_000, any::<u64>()];
    (time(), time(), last_seen_ms, seen, values).prop_map(|(created, stamp, last_seen_ms, seen, values)| {
        Write { created, stamp, last_seen_ms, seen, values }
    })
}

proptest! {
    #[test]
    fn round_trips(
        batches in proptest::collection::vec((proptest::collection::vec(any_entry(), 0..20), any::<bool>()), 1..4),
        compress_bytes_min in prop_oneof![Just(0usize), Just(usize::MAX)],
    ) {
        let (mut encoder, mut decoder) = (Encoder::new(CONTEXT), Decoder::new(CONTEXT));
        for (entries, relay) in batches {
            let bytes = encoder.encode(&entries, relay, compress_bytes_min);
            let decoded = decoder.decode(bytes.into(), LIMITS).unwrap();
            prop_assert_eq!(decoded.relay, relay);
            let expected: Vec<LogEntry> = entries.iter().map(|entry| (**entry).clone()).collect();
            prop_assert_eq!(decoded.entries, expected);
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), head in 0x10..0x18u8) {
        let mut with_head = vec![head];
        with_head.extend_from_slice(&bytes);
        let _ = decode(bytes.into(), CONTEXT, LIMITS);
        let _ = decode(with_head.into(), CONTEXT, LIMITS);
    }

    #[test]
    fn damaged_batches_are_decoded_or_refused(
        before in proptest::collection::vec(any_entry(), 1..10),
        entries in proptest::collection::vec(any_entry(), 1..10),
        position: prop::sample::Index,
        byte: u8,
        compress_bytes_min in prop_oneof![Just(0usize), Just(usize::MAX)],
    ) {
        let mut encoder = Encoder::new(CONTEXT);
        let before = Bytes::from(encoder.encode(&before, false, usize::MAX));
        let mut bytes = encoder.encode(&entries, false, compress_bytes_min);
        let position = position.index(bytes.len());
        bytes[position] = byte;
        for bytes in [bytes.clone(), bytes[..position].to_vec()] {
            let mut decoder = Decoder::new(CONTEXT);
            decoder.decode(before.clone(), LIMITS).unwrap();
            let _ = decoder.decode(bytes.into(), LIMITS);
        }
    }
}

#[test]
fn a_lone_entry_costs_little_more_than_its_key_and_fragment() {
    let bytes = encode(&[entry(3, 20_000, 1, &[9; 30])], true, CONTEXT, 512);
    assert_eq!(bytes.len(), 1 + 1 + 3 + 16 + 30);
}

#[test]
fn neighbours_cost_less() {
    let alone = encode(&[entry(3, 20_000, 1, &[9; 30])], true, CONTEXT, 512).len();
    let both = encode(&[entry(3, 20_000, 1, &[9; 30]), entry(3, 20_001, 1, &[9; 30])], true, CONTEXT, 512);
    assert_eq!(both.len() - alone, 1 + 1 + 1 + 30, "flags, seq difference, length, fragment");
}

#[test]
fn a_body_beyond_the_limit_is_refused_before_it_is_unpacked() {
    let entries: Vec<_> = (1..200).map(|seq| entry(3, seq, 1, &[0; 100])).collect();
    let bytes = encode(&entries, false, CONTEXT, 0);
    assert!(bytes.len() < 1000, "compressed to {}", bytes.len());
    let limits = BatchLimits { raw_bytes_max: 2000, ..LIMITS };
    let refused = decode(bytes.into(), CONTEXT, limits).unwrap_err();
    assert!(matches!(refused, BatchError::TooBig { what: "bytes", limit: 2000, .. }), "{refused}");
}

#[test]
fn a_lie_about_the_size_is_refused() {
    let entries: Vec<_> = (1..200).map(|seq| entry(3, seq, 1, &[0; 100])).collect();
    let honest = encode(&entries, false, CONTEXT, 0);
    let mut lying = vec![honest[0]];
    varint::put(&mut lying, 100);
    lying.extend_from_slice(&honest[3..]);
    assert_eq!(decode(lying.into(), CONTEXT, LIMITS), Err(BatchError::Malformed));
}

#[test]
fn too_many_entries_and_newer_versions_are_refused() {
    let entries: Vec<_> = (1..20).map(|seq| entry(3, seq, 1, &[])).collect();
    let bytes = encode(&entries, false, CONTEXT, usize::MAX);
    let limits = BatchLimits { entries_max: 10, ..LIMITS };
    let refused = decode(bytes.into(), CONTEXT, limits).unwrap_err();
    assert_eq!(refused, BatchError::TooBig { what: "entries", actual: 11, limit: 10 });
    assert_eq!(decode(vec![0x20].into(), CONTEXT, LIMITS), Err(BatchError::Version(2)));
}

fn change(seq: u64, key: u8, name: &'static str, bytes: &[u8]) -> Arc<LogEntry> {
    let stamp = (NOW_MS + seq * 1_000) << 16;
    let values = vec![(name, Some(bytes.to_vec()))];
    let write = Write { created: NOW_MS << 16, stamp, last_seen_ms: 0, seen: None, values };
    let dot = Dot { origin: CONTEXT.sender, seq };
    entry(3, seq, key, &write.fragment(dot))
}

#[test]
fn a_shape_travels_once_a_link() {
    let mut encoder = Encoder::new(CONTEXT);
    let mut decoder = Decoder::new(CONTEXT);
    let mut send = |entry: Arc<LogEntry>| {
        let bytes = encoder.encode(std::slice::from_ref(&entry), true, usize::MAX);
        let decoded = decoder.decode(bytes.clone().into(), LIMITS).unwrap();
        assert_eq!(decoded.entries, [(*entry).clone()]);
        bytes.len()
    };
    assert!(send(change(1, 1, "cart", &[7; 20])) > 60);
    // head, flags, seq, key, shape, stamp, age, value
    assert_eq!(send(change(2, 1, "cart", &[8; 20])), 1 + 1 + 1 + 16 + 1 + 2 + 2 + 20);
    assert_eq!(send(change(3, 1, "cart", &[9; 50])), 1 + 1 + 1 + 16 + 1 + 2 + 2 + 50);
    assert!(send(change(4, 1, "bill", &[7; 20])) > 60, "another name is another shape");
}

#[test]
fn a_shape_that_was_never_sent_is_refused() {
    let mut encoder = Encoder::new(CONTEXT);
    let _ = encoder.encode(&[change(1, 1, "cart", &[1])], true, usize::MAX);
    let bytes = encoder.encode(&[change(2, 1, "cart", &[1])], true, usize::MAX);
    assert_eq!(decode(bytes.into(), CONTEXT, LIMITS), Err(BatchError::Malformed));
}

#[test]
fn what_shapes_add_counts_against_the_limit() {
    let entries: Vec<_> = (1..200).map(|seq| change(seq, 1, "cart", &[])).collect();
    let bytes = encode(&entries, false, CONTEXT, usize::MAX);
    let limits = BatchLimits { raw_bytes_max: bytes.len(), ..LIMITS };
    let refused = decode(bytes.into(), CONTEXT, limits).unwrap_err();
    assert!(matches!(refused, BatchError::TooBig { what: "bytes", .. }), "{refused}");
}
