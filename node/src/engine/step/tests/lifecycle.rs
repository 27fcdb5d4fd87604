//! How a session begins, is kept alive and ends.

use super::*;

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
        let done =
            at(Some(&state), 2, after_ms, &Command::Update(Update { changes, touch, ..Update::default() }))
                .unwrap();
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
    let revocation = Revocation { stamp: stamp(T0_MS + 5), seq: 3, reason: "logout".into() };
    assert_eq!(ended.state, state.revoked(revocation.clone()));
    assert_eq!(ended.fragment.as_ref(), Some(&ended.state));
    let dot = revocation.dot();
    assert_eq!(ended.reply, Reply::Revoked { revoked_at_ms: T0_MS + 5, reason: "logout".into(), dot });
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
fn a_lapse_ends_what_was_not_used_since() {
    let state = after(&new(), 2, &set("a", "1")).0;
    let lapse = |last_seen_ms| Command::Lapse { last_seen_ms };
    for (after_ms, last_seen_ms) in [(IDLE_MS - 1, T0_MS), (IDLE_MS, T0_MS - 1), (IDLE_MS, T0_MS + 1)] {
        let done = at(Some(&state), 3, after_ms, &lapse(last_seen_ms)).unwrap();
        assert_eq!((done.fragment, &done.state), (None, &state), "{after_ms} {last_seen_ms}");
    }
    let done = at(Some(&state), 3, IDLE_MS + 5, &lapse(T0_MS + 5)).unwrap();
    assert_eq!(done.state, state.lapsed(T0_MS + 5, stamp(T0_MS + IDLE_MS + 5)));
    assert_eq!(done.fragment.as_ref(), Some(&done.state));
    let again = at(Some(&done.state), 4, IDLE_MS + 6, &lapse(T0_MS + 5)).unwrap();
    assert_eq!(again.fragment, None);
    let ended = at(Some(&state), 3, 1, &revoke("logout")).unwrap().state;
    assert_eq!(at(Some(&ended), 4, IDLE_MS, &lapse(T0_MS)).unwrap().fragment, None);
    assert_eq!(at(None, 4, IDLE_MS, &lapse(T0_MS)), Err(StepError::NotFound));
}
