//! What holds of the encoding.

use bytes::Bytes;
use proptest::prelude::*;

use super::{DecodeError, DecodeLimits, VERSION};
use crate::session::laws::history::{CREATED_MS, World, birth, history, origin};
use crate::session::view::Content;
use crate::session::{Birth, Body, Dot, Register, Revocation, Session, SessionView, Stamp, Value, ValueKind};

const LIMITS: DecodeLimits = DecodeLimits { bytes_max: 1 << 20, items_max: 10_000 };

fn decode(record: &Bytes) -> Result<Session, DecodeError> {
    Session::decode(record, &LIMITS)
}

fn value(len: usize) -> Option<Value> {
    Some(Value { kind: ValueKind::Data, bytes: vec![7; len].into() })
}

/// Births as no honest node would make them.
fn any_birth() -> impl Strategy<Value = Birth> {
    let time =
        || prop_oneof![any::<u64>(), (0..100_000_u64).prop_map(|minutes| minutes * 60_000), 0..9_000_u64];
    let origin = (any::<u16>(), any::<u32>()).prop_map(|(replica, incarnation)| origin(replica, incarnation));
    (".{0,4}", any::<u64>(), origin, time(), time()).prop_map(|(namespace, hlc, origin, deadline, idle)| {
        Birth {
            namespace: namespace.as_str().into(),
            created: Stamp { hlc, origin },
            absolute_deadline_ms: (hlc >> 16).wrapping_add(deadline),
            idle_timeout_ms: idle,
        }
    })
}

fn mutate(record: &Bytes, edits: &[(prop::sample::Index, u8, u8)]) -> Bytes {
    let mut bytes = record.to_vec();
    for (at, byte, how) in edits {
        let at = at.index(bytes.len() + 1);
        match how % 4 {
            0 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
            1 if at < bytes.len() => bytes[at] = *byte,
            2 => bytes.insert(at, *byte),
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes.into()
}

/// Whatever is decoded encodes to the same bytes, and the view agrees with it.
fn check(record: &Bytes) -> Result<(), TestCaseError> {
    let view = SessionView::open(record, &LIMITS).and_then(SessionView::content);
    let Ok(session) = decode(record) else { return Ok(()) };
    prop_assert_eq!(&session.encode(), record);
    prop_assert_eq!(view.unwrap(), session.body().map(Content::from).unwrap_or_default());
    Ok(())
}

proptest! {
    #[test]
    fn decoding_gives_back_what_was_encoded(history in history()) {
        for session in World::run(&history).all() {
            prop_assert_eq!(decode(&session.encode()).unwrap(), session);
        }
    }

    #[test]
    fn any_birth_and_time_survives(birth in any_birth(), last_seen_ms in any::<u64>(), hlc in any::<u64>()) {
        let mut live = Session::new(birth.clone());
        live.merge(live.fragment(Body { last_seen_ms, ..Body::default() }));
        prop_assert_eq!(decode(&live.encode()).unwrap(), live.clone());
        let stamp = Stamp { hlc, origin: origin(9, 9) };
        let revoked = live.revoked(Revocation { stamp, seq: 300, reason: "expired".into() });
        prop_assert_eq!(decode(&revoked.encode()).unwrap(), revoked);
    }

    #[test]
    fn equal_bytes_mean_equal_states(history in history()) {
        let all = World::run(&history).all();
        for a in &all {
            for b in &all {
                prop_assert_eq!(a == b, a.encode() == b.encode());
            }
        }
    }

    #[test]
    fn the_view_agrees_with_the_session(history in history(), now_ms in CREATED_MS..CREATED_MS + 50_000_000) {
        for session in World::run(&history).all() {
            let record = session.encode();
            let view = SessionView::open(&record, &LIMITS).unwrap();
            prop_assert_eq!(view.liveness(now_ms), session.liveness(now_ms));
            prop_assert_eq!(view.expires_at_ms(), session.expires_at_ms());
            prop_assert_eq!(view.namespace(), session.birth.namespace.as_ref());
            prop_assert_eq!(view.created(), session.birth.created);
            prop_assert_eq!(view.absolute_deadline_ms(), session.birth.absolute_deadline_ms);
            prop_assert_eq!(view.idle_timeout_ms(), session.birth.idle_timeout_ms);
            prop_assert_eq!(view.is_complete(), session.complete);
            prop_assert_eq!(view.revocation().is_some(), session.body().is_none());
            prop_assert_eq!(view.last_seen_ms(), session.body().map_or(0, |body| body.last_seen_ms));
            let body = session.body().cloned().unwrap_or_default();
            prop_assert_eq!((view.ids(), view.replays()), (&body.ids, &body.replays));
            let content = session.body().map(Content::from).unwrap_or_default();
            prop_assert_eq!(view.content().unwrap(), content);
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_canonical(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes.into())?;
    }

    #[test]
    fn mutated_records_are_refused_or_canonical(
        history in history(),
        pick in any::<prop::sample::Index>(),
        edits in prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 1..4),
    ) {
        let all = World::run(&history).all();
        check(&mutate(&pick.get(&all).encode(), &edits))?;
    }
}

fn fragment_of_one_attribute() -> Session {
    let session = Session::new(birth(origin(1, 3)));
    let mut body = Body::default();
    let dot = Dot { origin: origin(2, 5), seq: 123_456 };
    let hlc = (CREATED_MS + 3_600_000) << 16;
    body.attributes.insert("theme".into(), Register::default().write(dot, hlc, value(20)));
    session.fragment(body)
}

#[test]
fn a_changed_field_is_small() {
    let namespace_len = "web".len();
    assert!(fragment_of_one_attribute().encode().len() - namespace_len <= 51);
}

#[test]
fn a_session_of_512_bytes_is_small() {
    let mut session = Session::new(birth(origin(1, 3)));
    let mut body = Body::default();
    for (i, seq) in (0..8).zip(100_000..) {
        let dot = Dot { origin: origin(1, 3), seq };
        let hlc = (CREATED_MS + seq) << 16;
        body.attributes.insert(format!("name{i}").into(), Register::default().write(dot, hlc, value(59)));
    }
    session.merge(session.fragment(body));
    assert!(session.encode().len() <= 512 + 100, "{}", session.encode().len());
}

#[test]
fn values_share_the_memory_of_the_record() {
    let record = fragment_of_one_attribute().encode();
    let within = |bytes: &Bytes| record.as_ptr_range().contains(&bytes.as_ptr());
    let session = decode(&record).unwrap();
    assert!(within(&session.body().unwrap().attributes["theme"].value().unwrap().bytes));
    let content = SessionView::open(&record, &LIMITS).and_then(SessionView::content).unwrap();
    assert!(within(&content.attributes[0].1.bytes));
}

#[test]
fn records_beyond_the_limits_are_refused() {
    let record = fragment_of_one_attribute().encode();
    let short = DecodeLimits { bytes_max: record.len() - 1, ..LIMITS };
    let few = DecodeLimits { items_max: 3, ..LIMITS };
    for limits in [short, few] {
        let refused = Session::decode(&record, &limits).unwrap_err();
        assert!(matches!(refused, DecodeError::TooLarge { .. }), "{refused}");
        let refused = SessionView::open(&record, &limits).and_then(SessionView::content).unwrap_err();
        assert!(matches!(refused, DecodeError::TooLarge { .. }), "{refused}");
    }
}

#[test]
fn another_version_is_named() {
    let mut bytes = fragment_of_one_attribute().encode().to_vec();
    bytes[0] = bytes[0] & 0x0f | (VERSION + 1) << 4;
    let refused = decode(&bytes.into()).unwrap_err();
    assert_eq!(refused, DecodeError::Version { found: VERSION + 1, expected: VERSION });
}

#[test]
fn other_forms_of_the_same_state_are_refused() {
    let bytes = fragment_of_one_attribute().encode().to_vec();
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = bytes.clone();
        change(&mut changed);
        assert!(matches!(decode(&changed.into()), Err(DecodeError::Malformed(_))));
    };
    // flags, length of the namespace, "web", creator, incarnation, other, incarnation
    assert_eq!(bytes[..9], [VERSION << 4 | 2 << 2, 3, b'w', b'e', b'b', 1 << 1 | 1, 3, 2 << 1, 5]);
    refused(&|bytes| drop(bytes.splice(1..2, [0x83, 0])));
    refused(&|bytes| bytes.push(0));
    // A third origin that nothing names, and one named twice.
    refused(&|bytes| drop(bytes.splice(7..9, [2 << 1 | 1, 5, 3 << 1, 1])));
    refused(&|bytes| drop(bytes.splice(7..9, [1 << 1, 3])));
    // A revocation must be complete.
    refused(&|bytes| bytes[0] |= 1);
}

#[test]
fn a_count_is_no_reason_to_allocate() {
    let mut session = Session::new(birth(origin(1, 3)));
    let mut body = Body::default();
    body.sets.insert("s".into(), crate::session::Members::new());
    session.merge(session.fragment(body));
    let mut bytes = session.encode().to_vec();
    assert_eq!(bytes.pop(), Some(0));
    bytes.extend([0xff; 9]);
    bytes.push(1);
    assert_eq!(decode(&bytes.into()).unwrap_err(), DecodeError::Truncated);
}
