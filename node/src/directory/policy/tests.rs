use super::*;
use crate::engine::testing::{dot, take};
use crate::engine::{Command, Update};

const LIMITS: fn() -> SessionLimits = SessionLimits::global;

fn record(changes: &[(u16, Policy)]) -> Session {
    let mut record = None;
    for (seq, (replica, policy)) in (1..).zip(changes) {
        let limits = LIMITS();
        let command = match record {
            None => Command::Create(policy.create("shop".into(), &limits)),
            Some(_) => Command::Update(Update { changes: policy.changes(), ..Update::default() }),
        };
        record = Some(take(record, &command, dot(*replica, seq), seq, &limits).state);
    }
    record.unwrap()
}

#[test]
fn a_policy_is_read_as_it_was_written() {
    let policy =
        Policy { sessions_max: Some(3), tighten_at_once: Some(1), ..Policy::preset("aal2").unwrap() };
    let read = Policy::of(&record(&[(1, policy.clone())]));
    assert_eq!(read, Policy { version: 1, ..policy.clone() });
    let read = Policy::of(&record(&[(1, policy), (1, Policy::preset("aal3").unwrap())]));
    assert_eq!((read.version, read.sessions_max, read.idle_timeout_ms), (2, None, Some(15 * MINUTE_MS)));
}

#[test]
fn settings_changed_in_two_regions_are_both_kept() {
    let base = Policy { sessions_max: Some(3), ..Policy::default() };
    let mut eu = record(&[(1, base.clone()), (1, Policy { attributes_max: Some(5), ..base.clone() })]);
    let us = record(&[(1, base.clone()), (2, Policy { idle_timeout_ms: Some(60_000), ..base })]);
    eu.merge(us);
    let read = Policy::of(&eu);
    assert_eq!(
        (read.attributes_max, read.idle_timeout_ms, read.sessions_max),
        (Some(5), Some(60_000), Some(3))
    );
}

#[test]
fn settings_beyond_the_limits_are_refused() {
    let limits = SessionLimits::default();
    let error = Policy { absolute_timeout_ms: Some(1), ..Policy::default() }.validate(&limits).unwrap_err();
    assert_eq!((error.field, error.min), ("absolute_timeout_ms", limits.absolute_timeout_ms_min));
    assert!(Policy { on_sessions_max: Some(2), ..Policy::default() }.validate(&limits).is_err());
    for preset in Policy::PRESETS {
        assert_eq!(Policy::preset(preset).unwrap().validate(&limits), Ok(()));
    }
    assert_eq!(Policy::preset("aal4"), None);
}

#[test]
fn a_policy_lowers_limits_and_never_raises_them() {
    let node = SessionLimits::default();
    let policy = Policy {
        attributes_max: Some(2),
        value_bytes_max: Some(u64::MAX),
        absolute_timeout_ms: Some(5_000),
        ..Policy::default()
    };
    let limits = policy.limits(&node);
    assert_eq!((limits.attributes_max, limits.value_bytes_max), (2, node.value_bytes_max));
    assert_eq!((limits.absolute_timeout_ms_default, limits.absolute_timeout_ms_max), (5_000, 5_000));
}

#[test]
fn only_a_policy_that_tightens_at_once_ends_older_sessions() {
    let policy = Policy { idle_timeout_ms: Some(10), absolute_timeout_ms: Some(100), ..Policy::default() };
    assert_eq!(policy.tightened_ms(1_000, 1_050), None);
    let policy = Policy { tighten_at_once: Some(1), ..policy };
    assert_eq!(policy.tightened_ms(1_000, 1_050), Some(1_060));
    assert_eq!(policy.tightened_ms(1_000, 1_099), Some(1_100));
}
