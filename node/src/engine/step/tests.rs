//! What each command makes of a session: state, fragment and reply, exactly.

use bytes::Bytes;

use super::*;
use crate::session::{Origin, ReplicaId, Value, ValueKind};

const T0_MS: u64 = 1_800_000_000_000;
const IDLE_MS: u64 = 200_000;
const LIFE_MS: u64 = 3_600_000;

fn origin(replica: u16) -> Origin {
    Origin { replica: ReplicaId(replica), incarnation: 1 }
}

fn dot(seq: u64) -> Dot {
    Dot { origin: origin(1), seq }
}

fn stamp(now_ms: u64) -> Stamp {
    Stamp { hlc: now_ms << 16, origin: origin(1) }
}

fn limits() -> SessionLimits {
    SessionLimits { idle_timeout_ms_min: IDLE_MS, ..SessionLimits::default() }
}

/// Write number `seq` of node 1, `after_ms` after the start.
fn at(state: Option<&Session>, seq: u64, after_ms: u64, command: &Command) -> Result<Step, StepError> {
    let now_ms = T0_MS + after_ms;
    let limits = limits();
    let ctx = StepContext { dot: dot(seq), stamp: stamp(now_ms), now_ms, limits: &limits };
    step(state.cloned(), command, &ctx)
}

fn value(text: &str) -> Value {
    Value { kind: ValueKind::Text, bytes: Bytes::copy_from_slice(text.as_bytes()) }
}

fn set_change(add: &[&'static str], remove: &[&'static str]) -> SetChange {
    let members =
        |names: &[&'static str]| names.iter().map(|name| Bytes::from_static(name.as_bytes())).collect();
    SetChange { name: "set".into(), add: members(add), remove: members(remove) }
}

fn create(changes: Changes) -> Command {
    Command::Create(Create {
        namespace: "web".into(),
        idle_timeout_ms: IDLE_MS,
        absolute_timeout_ms: LIFE_MS,
        changes,
    })
}

fn update(changes: Changes) -> Command {
    Command::Update(Update { changes, touch: false })
}

fn set(name: &str, text: &str) -> Command {
    update(Changes { set_attributes: vec![(name.into(), value(text))], ..Changes::default() })
}

fn remove(name: &str) -> Command {
    update(Changes { remove_attributes: vec![name.into()], ..Changes::default() })
}

fn add_to_counter(amount: i64) -> Command {
    update(Changes { add_counters: vec![("n".into(), amount)], ..Changes::default() })
}

fn change_members(add: &[&'static str], remove: &[&'static str]) -> Command {
    update(Changes { change_sets: vec![set_change(add, remove)], ..Changes::default() })
}

fn revoke(reason: &str) -> Command {
    Command::Revoke { reason: reason.into() }
}

fn new() -> Session {
    at(None, 1, 0, &create(Changes::default())).unwrap().state
}

/// The state after a command, having checked that its fragment alone brings a copy there.
fn after(state: &Session, seq: u64, command: &Command) -> (Session, Body) {
    let done = at(Some(state), seq, 1, command).unwrap();
    assert_eq!(done.reply, Reply::Updated);
    let fragment = done.fragment.expect("something changed");
    assert!(!fragment.complete, "an update cannot stand for the session");
    assert_eq!(fragment.birth, state.birth);
    let mut copy = state.clone();
    copy.merge(fragment.clone());
    assert_eq!(copy, done.state);
    (done.state, fragment.body().unwrap().clone())
}

#[test]
fn create_makes_a_complete_session_that_is_its_own_fragment() {
    let auth = AuthBlock { principal: "p".into(), level: 1, ..AuthBlock::default() };
    let changes = Changes {
        set_attributes: vec![("a".into(), value("1"))],
        add_counters: vec![("n".into(), 2)],
        change_sets: vec![set_change(&["x"], &[])],
        set_auth: Some(auth.clone()),
        ..Changes::default()
    };
    let done = at(None, 1, 0, &create(changes)).unwrap();
    assert_eq!(done.reply, Reply::Created);
    assert_eq!(done.fragment.as_ref(), Some(&done.state));
    let birth = Birth {
        namespace: "web".into(),
        created: stamp(T0_MS),
        absolute_deadline_ms: T0_MS + LIFE_MS,
        idle_timeout_ms: IDLE_MS,
    };
    let mut expected = Session::new(birth);
    let Root::Live(body) = &mut expected.root else { panic!("it is live") };
    let hlc = T0_MS << 16;
    body.attributes.insert("a".into(), Register::default().write(dot(1), hlc, Some(value("1"))));
    body.counters.insert("n".into(), Counter::default().add(origin(1), 2).unwrap());
    let members = [(Bytes::from_static(b"x"), Presence::default().add(dot(1)))].into_iter().collect();
    body.sets.insert("set".into(), members);
    body.auth = Register::default().write(dot(1), hlc, Some(auth));
    assert_eq!(done.state, expected);
    assert!(done.state.complete);
    assert_eq!(body_of(&done.state).last_seen_ms, T0_MS);
}

fn body_of(session: &Session) -> &Body {
    session.body().unwrap()
}

#[test]
fn a_written_attribute_is_alone_in_its_fragment() {
    let (state, first) = after(&new(), 2, &set("a", "1"));
    let (state, other) = after(&state, 3, &set("b", "2"));
    assert_eq!(first.attributes.len(), 1);
    assert_eq!(other.attributes.keys().map(AsRef::as_ref).collect::<Vec<_>>(), ["b"]);
    let (state, again) = after(&state, 4, &set("a", "3"));
    let expected = body_of(&state).attributes["a"].clone();
    let alone = Body { attributes: [("a".into(), expected.clone())].into(), ..Body::default() };
    assert_eq!(again, alone);
    assert_eq!(expected.writes().len(), 1, "what was seen gives way");
    assert_eq!((expected.writes()[0].dot, expected.value()), (dot(4), Some(&value("3"))));
    assert_eq!(body_of(&state).attributes["b"].value(), Some(&value("2")));
}

#[test]
fn a_removal_is_a_write_and_removing_nothing_is_none() {
    let (state, _) = after(&new(), 2, &set("a", "1"));
    let (state, fragment) = after(&state, 3, &remove("a"));
    assert_eq!(fragment.attributes["a"].writes()[0].dot, dot(3));
    assert_eq!(body_of(&state).attributes["a"].value(), None);
    for name in ["a", "never"] {
        let done = at(Some(&state), 4, 1, &remove(name)).unwrap();
        assert_eq!((done.fragment, &done.state), (None, &state), "{name}");
    }
}

#[test]
fn one_command_has_one_dot_and_the_last_of_a_name_wins() {
    let changes = Changes {
        set_attributes: vec![("a".into(), value("1")), ("b".into(), value("2")), ("a".into(), value("3"))],
        change_sets: vec![set_change(&["x", "y"], &[])],
        ..Changes::default()
    };
    let (state, fragment) = after(&new(), 2, &update(changes));
    assert_eq!(body_of(&state).attributes["a"].value(), Some(&value("3")));
    assert!(fragment.attributes.values().all(|it| it.writes().len() == 1 && it.writes()[0].dot == dot(2)));
    let additions: Vec<_> = fragment.sets["set"].values().map(|it| it.clocks().0.dots).collect();
    assert_eq!(additions, [[(origin(1), 2)].into(), [(origin(1), 2)].into()]);
}

#[test]
fn a_counter_fragment_is_the_writers_share() {
    let mut state = new();
    if let Root::Live(body) = &mut state.root {
        body.counters.insert("n".into(), Counter::default().add(origin(2), 40).unwrap());
    }
    let (state, _) = after(&state, 2, &add_to_counter(5));
    let (state, fragment) = after(&state, 3, &add_to_counter(-3));
    assert_eq!(body_of(&state).counters["n"].value(), 42);
    let shares: Vec<_> = fragment.counters["n"].shares().collect();
    assert_eq!(shares.len(), 1);
    assert_eq!((shares[0].origin, shares[0].added, shares[0].subtracted), (origin(1), 5, 3));
    let twice = Changes { add_counters: vec![("n".into(), 1), ("n".into(), 1)], ..Changes::default() };
    let (twice, _) = after(&state, 4, &update(twice));
    assert_eq!(body_of(&twice).counters["n"].value(), 44, "amounts for one name add up");
    assert_eq!(at(Some(&state), 4, 1, &add_to_counter(0)).unwrap().fragment, None);
    let full = at(Some(&state), 4, 1, &add_to_counter(i64::MAX));
    assert!(matches!(full, Err(StepError::InvalidArgument { field: "add_counters", .. })), "{full:?}");
}

#[test]
fn a_set_fragment_holds_the_changed_members_alone() {
    let (state, _) = after(&new(), 2, &change_members(&["x", "y"], &[]));
    let (state, fragment) = after(&state, 3, &change_members(&["z"], &["x"]));
    let members = &fragment.sets["set"];
    assert_eq!(members.keys().map(|name| &name[..]).collect::<Vec<_>>(), [b"x", b"z"]);
    let present: Vec<_> = body_of(&state).sets["set"].values().map(Presence::is_present).collect();
    assert_eq!(present, [false, true, true]);
    let nothing = at(Some(&state), 4, 1, &change_members(&[], &["x", "never"])).unwrap();
    assert_eq!((nothing.fragment, nothing.state), (None, state));
}

#[test]
fn a_login_replaces_the_whole_block() {
    let login = |level| {
        let auth = AuthBlock { principal: "p".into(), level, ..AuthBlock::default() };
        update(Changes { set_auth: Some(auth), ..Changes::default() })
    };
    let (state, _) = after(&new(), 2, &login(1));
    let (state, fragment) = after(&state, 3, &login(2));
    assert_eq!(fragment, Body { auth: body_of(&state).auth.clone(), ..Body::default() });
    assert_eq!(fragment.auth.writes().len(), 1);
    assert_eq!(fragment.auth.value().unwrap().level, 2);
}

#[test]
fn a_touch_is_passed_over_up_to_a_twentieth_of_the_idle_time_out() {
    let state = new();
    let short = at(Some(&state), 2, IDLE_MS / 20, &Command::Touch).unwrap();
    let reply = Reply::Touched { expires_at_ms: T0_MS + IDLE_MS };
    assert_eq!((short.fragment, short.state, short.reply), (None, state.clone(), reply));
    let after_ms = IDLE_MS / 20 + 1;
    let long = at(Some(&state), 2, after_ms, &Command::Touch).unwrap();
    let seen = Body { last_seen_ms: T0_MS + after_ms, ..Body::default() };
    assert_eq!(long.fragment, Some(state.fragment(seen)));
    assert_eq!(long.reply, Reply::Touched { expires_at_ms: T0_MS + after_ms + IDLE_MS });
    assert_eq!(body_of(&long.state).last_seen_ms, T0_MS + after_ms);
    // The same within an update, which also does not move it unasked.
    for (touch, after_ms, moved) in [(true, 10_000, false), (true, 10_001, true), (false, 10_001, false)] {
        let changes = Changes { set_attributes: vec![("a".into(), value("1"))], ..Changes::default() };
        let done = at(Some(&state), 2, after_ms, &Command::Update(Update { changes, touch })).unwrap();
        let expected = if moved { T0_MS + after_ms } else { 0 };
        assert_eq!(body_of(done.fragment.as_ref().unwrap()).last_seen_ms, expected);
    }
}

#[test]
fn a_deadline_is_the_first_moment_that_is_too_late() {
    let state = new();
    assert!(at(Some(&state), 2, IDLE_MS - 1, &Command::Touch).is_ok());
    for command in [Command::Touch, set("a", "1"), revoke("late")] {
        assert_eq!(at(Some(&state), 2, IDLE_MS, &command).unwrap_err(), StepError::Expired);
    }
    let again = at(Some(&state), 2, LIFE_MS, &create(Changes::default()));
    assert_eq!(again.unwrap_err(), StepError::Revoked, "an id is never used again");
}

#[test]
fn a_revocation_drops_the_content_and_is_final() {
    let (state, _) = after(&new(), 2, &set("a", "1"));
    let ended = at(Some(&state), 3, 5, &revoke("logout")).unwrap();
    let revocation = Revocation { stamp: stamp(T0_MS + 5), reason: "logout".into() };
    assert_eq!(ended.state, state.revoked(revocation));
    assert_eq!(ended.fragment.as_ref(), Some(&ended.state));
    assert_eq!(ended.reply, Reply::Revoked { revoked_at_ms: T0_MS + 5, reason: "logout".into() });
    let again = at(Some(&ended.state), 4, 9, &revoke("other")).unwrap();
    assert_eq!((again.fragment, &again.state, again.reply), (None, &ended.state, ended.reply));
    for command in [Command::Touch, set("a", "1"), create(Changes::default())] {
        assert_eq!(at(Some(&ended.state), 4, 9, &command).unwrap_err(), StepError::Revoked);
    }
}

#[test]
fn what_is_partial_is_only_ended() {
    let state = new();
    let partial = state.fragment(Body::default());
    for command in [Command::Touch, set("a", "1"), create(Changes::default())] {
        assert_eq!(at(Some(&partial), 2, 1, &command).unwrap_err(), StepError::Partial);
    }
    // Its last use is not known here, so only the absolute deadline counts.
    assert!(at(Some(&partial), 2, IDLE_MS, &revoke("logout")).unwrap().state.complete);
    assert_eq!(at(Some(&partial), 2, LIFE_MS, &revoke("late")).unwrap_err(), StepError::Expired);
}

#[test]
fn what_is_not_there_is_not_changed() {
    for command in [Command::Touch, set("a", "1"), revoke("logout")] {
        assert_eq!(at(None, 1, 0, &command).unwrap_err(), StepError::NotFound);
    }
    assert_eq!(at(Some(&new()), 2, 1, &create(Changes::default())).unwrap_err(), StepError::AlreadyExists);
    let nothing = at(Some(&new()), 2, 1, &update(Changes::default())).unwrap();
    assert_eq!((nothing.fragment, nothing.state), (None, new()));
}

#[test]
fn each_limit_is_enforced() {
    let exceeded = |limits: SessionLimits, command: Command| {
        let (state, _) = after(&new(), 2, &set("a", "1"));
        let now_ms = T0_MS + 1;
        let ctx = StepContext { dot: dot(3), stamp: stamp(now_ms), now_ms, limits: &limits };
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
