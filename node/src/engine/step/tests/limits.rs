//! What is beyond a limit.

use super::*;

#[test]
fn each_limit_is_enforced() {
    let exceeded = |limits: SessionLimits, command: Command| {
        let (state, _) = after(&new(), 2, &set("a", "1"));
        let now_ms = T0_MS + 1;
        let ctx = StepContext {
            dot: dot(3),
            stamp: stamp(now_ms),
            now_ms,
            shown: SecretHash::FIRST,
            limits: &limits,
        };
        match step(Some(state), &command, &ctx) {
            Err(StepError::LimitExceeded { field, limit, actual }) => (field, limit, actual),
            other => panic!("{other:?}"),
        }
    };
    let with = |change: fn(&mut SessionLimits)| {
        let mut limits = limits();
        change(&mut limits);
        limits
    };
    let two_sets = || {
        let other = SetChange { name: "other".into(), ..set_change(&["x"], &[]) };
        update(Changes { change_sets: vec![set_change(&["x"], &[]), other], ..Changes::default() })
    };
    let two_counters =
        || update(Changes { add_counters: vec![("m".into(), 1), ("n".into(), 1)], ..Changes::default() });
    let login = || {
        let auth = AuthBlock { principal: "four".into(), roles: vec!["two".into()], ..AuthBlock::default() };
        update(Changes { set_auth: Some(auth), ..Changes::default() })
    };
    assert_eq!(exceeded(with(|it| it.attributes_max = 1), set("b", "1")), ("attributes_max", 1, 2));
    assert_eq!(exceeded(with(|it| it.name_bytes_max = 1), set("bb", "1")), ("name_bytes_max", 1, 2));
    assert_eq!(exceeded(with(|it| it.value_bytes_max = 1), set("a", "22")), ("value_bytes_max", 1, 2));
    assert_eq!(exceeded(with(|it| it.counters_max = 1), two_counters()), ("counters_max", 1, 2));
    assert_eq!(exceeded(with(|it| it.sets_max = 1), two_sets()), ("sets_max", 1, 2));
    let members = change_members(&["x", "y"], &[]);
    assert_eq!(exceeded(with(|it| it.set_members_max = 1), members), ("set_members_max", 1, 2));
    let member = change_members(&["xx"], &[]);
    assert_eq!(exceeded(with(|it| it.member_bytes_max = 1), member), ("member_bytes_max", 1, 2));
    assert_eq!(exceeded(with(|it| it.auth_bytes_max = 6), login()), ("auth_bytes_max", 6, 7));
    let unnamed = at(Some(&new()), 2, 1, &set("", "1"));
    assert!(matches!(unnamed, Err(StepError::InvalidArgument { field: "name", .. })));
}

#[test]
fn time_outs_are_within_their_limits() {
    let limits = limits();
    let with = |idle_timeout_ms, absolute_timeout_ms| {
        let create = Create {
            namespace: "web".into(),
            idle_timeout_ms,
            absolute_timeout_ms,
            changes: Changes::default(),
        };
        at(None, 1, 0, &Command::Create(create)).map(|done| done.reply)
    };
    assert_eq!(with(limits.idle_timeout_ms_min, limits.absolute_timeout_ms_min), Ok(Reply::Created));
    assert_eq!(with(limits.idle_timeout_ms_max, limits.absolute_timeout_ms_max), Ok(Reply::Created));
    let refused = [
        (limits.idle_timeout_ms_min - 1, LIFE_MS, "idle_timeout_ms"),
        (limits.idle_timeout_ms_max + 1, LIFE_MS, "idle_timeout_ms"),
        (IDLE_MS, limits.absolute_timeout_ms_min - 1, "absolute_timeout_ms"),
        (IDLE_MS, limits.absolute_timeout_ms_max + 1, "absolute_timeout_ms"),
    ];
    for (idle_ms, absolute_ms, name) in refused {
        let outcome = with(idle_ms, absolute_ms);
        assert!(
            matches!(outcome, Err(StepError::InvalidArgument { field, .. }) if field == name),
            "{outcome:?}"
        );
    }
}
