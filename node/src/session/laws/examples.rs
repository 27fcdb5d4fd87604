//! Histories that are known to break other designs, and the rules that resolve conflicts.

use std::sync::Arc;

use bytes::Bytes;

use super::history::{CREATED_MS, birth, merged, origin};
use crate::session::epoch::covers;
use crate::session::{
    AuthBlock, Body, Counter, Dot, Liveness, Presence, PrincipalEpoch, Register, Revocation, Session, Stamp,
    Value, ValueKind, VersionVector,
};

fn dot(replica: u16, seq: u64) -> Dot {
    Dot { origin: origin(replica, 1), seq }
}

fn value(text: &'static str) -> Option<Value> {
    Some(Value { kind: ValueKind::Text, bytes: Bytes::from_static(text.as_bytes()) })
}

fn joined<T: Clone>(a: &T, b: &T, merge: impl Fn(&mut T, T)) -> T {
    let mut joined = a.clone();
    merge(&mut joined, b.clone());
    joined
}

fn session() -> Session {
    Session::new(birth(origin(1, 1)))
}

#[test]
fn a_fragment_leaves_the_other_names_alone() {
    let mut full = session();
    for (seq, name) in ["a", "b", "c"].into_iter().enumerate() {
        let mut body = Body::default();
        let dot = dot(1, seq as u64 + 1);
        body.attributes.insert(name.into(), Register::default().write(dot, CREATED_MS << 16, value("1")));
        body.sets.entry("set".into()).or_default().insert(name.into(), Presence::default().add(dot));
        full.merge(full.fragment(body));
    }
    let mut body = Body::default();
    body.attributes.insert("b".into(), full.body().unwrap().attributes["b"].write(dot(2, 9), 1, None));
    full.merge(full.fragment(body));
    let body = full.body().unwrap();
    let named: Vec<_> = body.attributes.iter().filter(|(_, register)| register.value().is_some()).collect();
    assert_eq!(named.len(), 2);
    assert!(body.sets["set"].values().all(Presence::is_present));
}

#[test]
fn a_value_beats_a_concurrent_removal_and_then_the_highest_stamp_wins() {
    let start = Register::default().write(dot(1, 1), 10, value("old"));
    let removed = start.write(dot(2, 1), 99, None);
    let low = start.write(dot(1, 2), 20, value("low"));
    let high = start.write(dot(3, 1), 30, value("high"));
    let all = joined(&joined(&removed, &low, Register::merge), &high, Register::merge);
    assert_eq!(all.value(), value("high").as_ref());
    assert_eq!(all.writes().len(), 3, "the losers stay visible until the next write");
    let next = all.write(dot(2, 2), 31, None);
    assert_eq!(joined(&all, &next, Register::merge), next);
    assert_eq!(next.value(), None);
}

#[test]
fn equal_times_are_decided_by_the_origin() {
    let one = Register::default().write(dot(1, 1), 10, value("one"));
    let two = Register::default().write(dot(2, 1), 10, value("two"));
    assert_eq!(joined(&one, &two, Register::merge).value(), value("two").as_ref());
    assert_eq!(joined(&two, &one, Register::merge).value(), value("two").as_ref());
}

#[test]
fn a_removal_that_arrives_before_its_value_still_removes_it() {
    let added = Register::default().write(dot(1, 1), 10, value("1"));
    let removed = added.write(dot(2, 1), 11, None);
    assert_eq!(joined(&removed, &added, Register::merge), removed);
    let present = Presence::default().add(dot(1, 1));
    let absent = present.remove();
    assert!(!joined(&absent, &present, Presence::merge).is_present());
    assert!(!joined(&Presence::default(), &absent, Presence::merge).is_present());
}

#[test]
fn an_addition_beats_a_removal_that_had_not_seen_it() {
    let start = Presence::default().add(dot(1, 1));
    let (again, removed) = (start.add(dot(2, 1)), start.remove());
    assert!(joined(&removed, &again, Presence::merge).is_present());
    assert!(joined(&again, &removed, Presence::merge).is_present());
}

#[test]
fn concurrent_logins_resolve_to_the_lower_privilege_and_never_mix() {
    let login = |principal: &str, level| {
        Some(AuthBlock { principal: Arc::from(principal), level, ..AuthBlock::default() })
    };
    let guest = Register::default().write(dot(1, 1), 10, login("guest", 1));
    let admin = Register::default().write(dot(2, 1), 20, login("admin", 3));
    let both = joined(&admin, &guest, Register::merge);
    let winner = both.lowest_privilege().and_then(|write| write.value.clone());
    assert_eq!(winner, login("guest", 1));
    let gone = Register::default().write(dot(3, 1), 5, None);
    assert_eq!(joined(&both, &gone, Register::merge).lowest_privilege().unwrap().value, None);
}

#[test]
fn a_new_incarnation_keeps_what_a_forgotten_one_had_sent() {
    // The first incarnation wrote 1..=2, peers hold both, and a crash forgot the second.
    let base = Register::default().write(dot(1, 1), 10, value("base"));
    let forgotten = base.write(dot(1, 2), 20, value("acknowledged"));
    let reborn = Dot { origin: origin(1, 2), seq: 1 };
    let after = base.write(reborn, 30, value("new"));
    let all = joined(&forgotten, &after, Register::merge);
    assert_eq!(all.writes().len(), 2);
    assert_eq!(joined(&after, &forgotten, Register::merge), all);
}

#[test]
fn counters_add_up_across_replicas_and_starts() {
    let shared = Counter::default().add(origin(1, 1), 100).unwrap();
    let up = shared.add(origin(2, 1), 7).unwrap();
    let down = shared.add(origin(1, 2), -8).unwrap();
    let all = joined(&joined(&shared, &up, Counter::merge), &down, Counter::merge);
    assert_eq!(all.value(), 99);
    assert_eq!(joined(&all, &up, Counter::merge).value(), 99);
}

#[test]
fn a_counter_ends_at_its_limits() {
    let full = Counter::default().add(origin(1, 1), i64::MAX).unwrap();
    assert!(full.add(origin(1, 1), 1).is_err());
    let more = joined(&full, &full.add(origin(2, 1), i64::MAX).unwrap(), Counter::merge);
    assert_eq!(more.value(), i64::MAX);
    assert!(Counter::default().add(origin(1, 1), i64::MIN).is_err());
}

#[test]
fn revocation_drops_the_content_and_needs_no_full_state() {
    let live = session();
    let stamp = Stamp { hlc: 1, origin: origin(2, 1) };
    let revoked = live.revoked(Revocation { stamp, seq: 3, reason: "logout".into() });
    assert_eq!(merged([live.clone(), revoked.clone()]), revoked);
    assert_eq!(merged([revoked.clone(), live.fragment(Body::default())]), revoked);
    assert_eq!(revoked.expires_at_ms(), live.birth.absolute_deadline_ms);
    assert_eq!(revoked.liveness(u64::MAX), Liveness::Revoked);
}

#[test]
fn a_session_is_live_until_its_idle_or_absolute_deadline() {
    let mut session = session();
    let idle_end_ms = CREATED_MS + session.birth.idle_timeout_ms;
    assert_eq!(session.expires_at_ms(), idle_end_ms);
    assert_eq!(session.liveness(idle_end_ms - 1), Liveness::Live);
    assert_eq!(session.liveness(idle_end_ms), Liveness::Expired);
    let last_seen_ms = session.birth.absolute_deadline_ms - 1;
    session.merge(session.fragment(Body { last_seen_ms, ..Body::default() }));
    assert_eq!(session.expires_at_ms(), session.birth.absolute_deadline_ms);
    assert_eq!(session.liveness(last_seen_ms), Liveness::Live);
}

#[test]
fn a_partial_record_is_never_live() {
    let partial = session().fragment(Body { last_seen_ms: CREATED_MS, ..Body::default() });
    assert_eq!(partial.liveness(CREATED_MS), Liveness::Partial);
    assert_eq!(partial.liveness(CREATED_MS + 3_600_000), Liveness::Partial);
    assert_eq!(partial.liveness(partial.birth.absolute_deadline_ms), Liveness::Expired);
    assert_eq!(merged([partial, session()]).liveness(CREATED_MS), Liveness::Live);
}

#[test]
fn logging_out_everywhere_ends_logins_that_had_not_seen_it() {
    let mut epoch = PrincipalEpoch::default();
    assert!(epoch.covers(&VersionVector::new()));
    let before = epoch.vector().clone();
    epoch.advance(dot(1, 4));
    assert!(!epoch.covers(&before));
    let between = epoch.vector().clone();
    let mut elsewhere = PrincipalEpoch::default();
    elsewhere.advance(dot(2, 1));
    epoch.merge(elsewhere);
    assert!(!epoch.covers(&between));
    assert!(epoch.covers(epoch.vector()));
    assert!(covers(epoch.vector(), &between));
}

#[test]
fn nothing_secret_is_shown_for_debugging() {
    let auth = AuthBlock {
        principal: "alice".into(),
        csrf_secret: Bytes::from_static(b"hush"),
        ..AuthBlock::default()
    };
    let mut session = session();
    let mut body = Body { auth: Register::default().write(dot(1, 1), 1, Some(auth)), ..Body::default() };
    body.attributes.insert("card".into(), Register::default().write(dot(1, 1), 1, value("4711")));
    body.sets.entry("devices".into()).or_default().insert("phone".into(), Presence::default().add(dot(1, 1)));
    session.merge(session.fragment(body));
    let shown = format!("{session:?}");
    assert!(["alice", "hush", "4711", "phone"].iter().all(|secret| !shown.contains(secret)), "{shown}");
}
