use proptest::prelude::*;

use super::*;

const CONTEXT: BatchContext =
    BatchContext { sender: Origin { replica: ReplicaId(3), incarnation: 7 }, partition_count: 256 };
const LIMITS: BatchLimits = BatchLimits { raw_bytes_max: 1 << 20, entries_max: 1000 };

fn entry(replica: u16, seq: u64, key: u8, fragment: &[u8]) -> Arc<LogEntry> {
    let origin = Origin { replica: ReplicaId(replica), incarnation: 7 };
    let fragment = Bytes::copy_from_slice(fragment);
    Arc::new(LogEntry { origin, seq, key: Key([key; 16]), ack: false, fragment })
}

fn any_entry() -> impl Strategy<Value = Arc<LogEntry>> {
    let origin = (0..5u16, prop_oneof![Just(7u32), any::<u32>()]);
    let seq = prop_oneof![1..300u64, 1..=u64::MAX];
    let key = prop_oneof![(0..3u8).prop_map(|byte| [byte; 16]), any::<[u8; 16]>()];
    let fragment = proptest::collection::vec(any::<u8>(), 0..80);
    (origin, seq, key, any::<bool>(), fragment).prop_map(
        |((replica, incarnation), seq, key, ack, fragment)| {
            let origin = Origin { replica: ReplicaId(replica), incarnation };
            Arc::new(LogEntry { origin, seq, key: Key(key), ack, fragment: fragment.into() })
        },
    )
}

proptest! {
    #[test]
    fn round_trips(
        entries in proptest::collection::vec(any_entry(), 0..40),
        relay: bool,
        compress_bytes_min in prop_oneof![Just(0usize), Just(usize::MAX)],
    ) {
        let bytes = encode(&entries, relay, CONTEXT, compress_bytes_min);
        let decoded = decode(bytes.into(), CONTEXT, LIMITS).unwrap();
        prop_assert_eq!(decoded.relay, relay);
        let expected: Vec<LogEntry> = entries.iter().map(|entry| (**entry).clone()).collect();
        prop_assert_eq!(decoded.entries, expected);
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
        entries in proptest::collection::vec(any_entry(), 1..10),
        position: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = encode(&entries, false, CONTEXT, 0);
        let position = position.index(bytes.len());
        bytes[position] = byte;
        let _ = decode(bytes.clone().into(), CONTEXT, LIMITS);
        bytes.truncate(position);
        let _ = decode(bytes.into(), CONTEXT, LIMITS);
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
