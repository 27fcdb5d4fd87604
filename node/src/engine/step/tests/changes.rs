//! What an update makes of each kind of content.

use super::*;

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
fn an_update_that_expects_something_else_changes_nothing() {
    let (state, _) = after(&new(), 2, &set("a", "1"));
    let (state, _) = after(&state, 3, &set("gone", "1"));
    let (state, _) = after(&state, 4, &remove("gone"));
    let expecting = |expected: &[(&str, Option<Value>)]| {
        let one = |(name, value): &(&str, Option<Value>)| Expectation {
            name: (*name).into(),
            value: value.clone(),
        };
        let changes = Changes { set_attributes: vec![("b".into(), value("2"))], ..Changes::default() };
        let expected = expected.iter().map(one).collect();
        at(Some(&state), 5, 1, &Command::Update(Update { changes, expected, ..Update::default() }))
    };
    let one = || Some(value("1"));
    for holds in [vec![("a", one())], vec![("a", one()), ("b", None), ("gone", None)]] {
        assert!(expecting(&holds).unwrap().fragment.is_some());
    }
    let data = Value { kind: ValueKind::Data, ..value("1") };
    for (index, fails) in [
        (0, vec![("a", None)]),
        (0, vec![("a", Some(value("2")))]),
        (0, vec![("a", Some(data))]),
        (1, vec![("a", one()), ("b", one())]),
        (0, vec![("gone", one())]),
    ] {
        assert_eq!(expecting(&fails).unwrap_err(), StepError::NotAsExpected { index });
    }
}
