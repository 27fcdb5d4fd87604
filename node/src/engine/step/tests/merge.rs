//! What a state that comes back makes of what is held.

use super::*;

fn brought(session: &Session) -> Command {
    Command::Merge(Box::new(session.clone()))
}

fn changed() -> Session {
    let state = at(Some(&new()), 2, 1, &set("a", "1")).unwrap().state;
    at(Some(&state), 3, 2, &add_to_counter(5)).unwrap().state
}

#[test]
fn it_is_inserted_as_it_is_and_a_second_time_nothing_changes() {
    let session = changed();
    let done = at(None, 4, 3, &brought(&session)).unwrap();
    assert_eq!((&done.state, done.fragment.as_ref()), (&session, Some(&session)));
    assert_eq!(done.reply, Reply::Merged);
    let again = at(Some(&session), 5, 4, &brought(&session)).unwrap();
    assert_eq!((again.state, again.fragment), (session, None));
}

#[test]
fn what_was_written_since_stays() {
    let exported = changed();
    let later = at(Some(&exported), 4, 3, &set("a", "2")).unwrap().state;
    let done = at(Some(&later), 5, 4, &brought(&exported)).unwrap();
    assert_eq!((done.state, done.fragment), (later.clone(), None));
    let done = at(Some(&exported), 5, 4, &brought(&later)).unwrap();
    assert_eq!(done.state, later);
}

#[test]
fn what_has_ended_stays_ended() {
    let exported = changed();
    let ended = at(Some(&exported), 4, 3, &revoke("logout")).unwrap().state;
    assert_eq!(at(Some(&ended), 5, 4, &brought(&exported)), Err(StepError::Revoked));
    for held in [None, Some(&exported)] {
        assert_eq!(at(held, 5, IDLE_MS + 1, &brought(&exported)), Err(StepError::Expired));
    }
    let refused = at(None, 5, 4, &brought(&ended));
    assert!(matches!(refused, Err(StepError::InvalidArgument { field: "state", .. })), "an end is no import");
}

#[test]
fn parts_and_what_this_node_has_not_made_are_refused() {
    let exported = changed();
    let part = exported.fragment(body_of(&exported).clone());
    for wrong in [
        at(None, 4, 3, &brought(&part)),
        at(None, 2, 3, &brought(&exported)),
        at(None, 4, 0, &brought(&exported)),
    ] {
        assert!(matches!(wrong, Err(StepError::InvalidArgument { field: "state", .. })), "{wrong:?}");
    }
    assert_eq!(at(Some(&part), 4, 3, &brought(&exported)), Err(StepError::Partial));
}

#[test]
fn a_session_of_this_cluster_and_one_of_another_are_not_merged() {
    let own = changed();
    let foreign = own.clone().renamed(&|origin| origin.of_cluster(&[7; 16])).unwrap();
    assert_eq!(at(Some(&own), 4, 3, &brought(&foreign)), Err(StepError::AlreadyExists));
    assert_eq!(at(Some(&foreign), 4, 3, &brought(&own)), Err(StepError::AlreadyExists));
    // A start of this node that has the same number has made none of it.
    let done = at(None, 1, 3, &brought(&foreign)).unwrap();
    let written = at(Some(&done.state), 1, 4, &set("a", "new")).unwrap().state;
    let mut merged = foreign;
    merged.merge(written.clone());
    assert_eq!(
        body_of(&merged).attributes["a"].value(),
        Some(&value("new")),
        "a dot used again would be lost"
    );
    assert_eq!(merged, written);
}
