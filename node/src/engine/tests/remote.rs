//! Entries and states from peers.

use super::*;

#[tokio::test]
async fn poison_is_refused_with_the_state_unchanged() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    let entry = all_entries(&from).await.remove(0);
    for cut in 0..entry.fragment.len() {
        let poison = LogEntry { fragment: entry.fragment.slice(..cut), ..entry.clone() };
        let applied = to.apply(vec![poison]).await.unwrap();
        assert_eq!((applied.refused.len(), applied.new.len()), (1, 0));
    }
    assert_eq!(to.digest(Partition(0)), PartitionDigest::default());
    assert!(to.read(key(1)).await.unwrap().is_none());
    assert_eq!(to.stats().refused_entries, entry.fragment.len() as u64);
    assert_eq!(to.apply(vec![entry.clone(), entry]).await.unwrap().present.len(), 2);
    assert_eq!(to.digest(Partition(0)), from.digest(Partition(0)));
}

#[tokio::test]
async fn entries_from_the_future_are_held_back() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    one.clock.0.fetch_add(501, Ordering::Relaxed);
    run(&from, 1, create()).await.unwrap();
    let applied = to.apply(all_entries(&from).await).await.unwrap();
    assert_eq!((applied.held, applied.present.len()), (1, 0));
    assert!(to.read(key(1)).await.unwrap().is_none());
    two.clock.0.fetch_add(1, Ordering::Relaxed);
    let due = to.core.held.lock().due(START_MS + 1);
    assert_eq!(to.core.apply(due).await.unwrap().new.len(), 1);
}

#[tokio::test]
async fn a_fragment_alone_is_partial_until_the_full_state_comes() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    run(&from, 1, set("a", "b")).await.unwrap();
    let late = all_entries(&from).await.remove(1);
    let mut partials = to.partial_keys();
    to.apply(vec![late]).await.unwrap();
    assert_eq!(partials.next().await, [key(1)]);
    assert!(matches!(run(&to, 1, set("c", "d")).await, Err(EngineError::Refused(StepError::Partial))));
    let full = from.read(key(1)).await.unwrap().unwrap();
    to.merge_states(Partition(0), vec![(key(1), full.state)], all_of(full.vector)).await.unwrap();
    assert!(to.partials(Partition(0), 9).is_empty());
    assert_eq!(to.digest(Partition(0)), from.digest(Partition(0)));
    assert_eq!(to.vector(Partition(0)), from.vector(Partition(0)));
    let record = to.read(key(1)).await.unwrap().unwrap();
    assert!(SessionView::open(&record.state, &to.core.decode).unwrap().is_complete());
}

#[tokio::test]
async fn a_causal_wait_ends_when_the_write_arrives() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    let mut feed = from.commits();
    let token = run(&from, 1, create()).await.unwrap().vector;
    let soon = Duration::from_millis(5);
    assert_eq!(to.wait_for(&key(1), &token, soon).await, Err(NotYet));
    let entries = feed.next().await.iter().map(|entry| LogEntry::clone(entry)).collect();
    let record = key(1);
    let (waited, applied) =
        tokio::join!(to.wait_for(&record, &token, Duration::from_secs(30)), to.apply(entries));
    assert_eq!(waited, Ok(()));
    assert_eq!(applied.unwrap().new.len(), 1);
}

#[tokio::test]
async fn who_finds_a_session_ended_names_the_write_that_ended_it() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    to.apply(all_entries(&from).await).await.unwrap();
    let ended = run(&from, 1, revoke()).await.unwrap();
    let states = vec![(key(1), ended.state.clone())];
    to.merge_states(Partition(0), states, unknown()).await.unwrap();
    let found = run(&to, 1, revoke()).await.unwrap();
    assert_eq!((found.dot, found.applied()), (None, ended.applied()));
    assert_eq!(ended.applied().get(&from.origin()), 2);
    assert_eq!(found.vector.get(&from.origin()), 2, "it names what it answers for");
}

#[tokio::test]
async fn what_is_over_is_merged_into_what_is_held_and_makes_nothing_anew() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    agree(&to);
    run(&from, 1, create()).await.unwrap();
    to.apply(all_entries(&from).await).await.unwrap();
    run(&from, 2, create()).await.unwrap();
    run(&from, 1, revoke()).await.unwrap();
    pass(&two, 3_600_000 + 60_501);
    assert_eq!(to.apply(all_entries(&from).await).await.unwrap().new.len(), 2);
    let held = to.read(key(1)).await.unwrap().unwrap().state;
    assert!(SessionView::open(&held, &DecodeLimits::default()).unwrap().revocation().is_some());
    let full = from.read(key(2)).await.unwrap().unwrap();
    to.merge_states(Partition(0), vec![(key(2), full.state)], exactly(full.vector)).await.unwrap();
    assert!(to.read(key(2)).await.unwrap().is_none());
}

#[tokio::test]
async fn poison_leaves_no_hole_and_is_never_passed_on() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    for value in ["a", "b", "c"] {
        let command = if value == "a" { create() } else { set("name", value) };
        run(&from, 1, command).await.unwrap();
    }
    let entries = all_entries(&from).await;
    let poison = LogEntry { fragment: Bytes::from_static(b"poison"), ..entries[1].clone() };
    let mut wanted = to.partial_keys();
    let sent = vec![entries[0].clone(), poison.clone(), entries[2].clone()];
    let applied = to.apply(sent).await.unwrap();
    let dots = |seqs: [u64; 2]| seqs.map(|seq| (Partition(0), Dot { origin: from.origin(), seq }));
    assert_eq!(applied.present, dots([1, 3]), "what was refused is not confirmed");
    assert_eq!(applied.new.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(applied.refused[0].dot, poison.dot());
    let all = from.vector(Partition(0));
    assert_eq!(to.wait_for(&key(1), &all, Duration::ZERO).await, Err(NotYet), "it is not held");
    assert_eq!(to.vector(Partition(0)).get(&from.origin()), 1, "peers are told of it");
    assert_eq!(wanted.next().await, [key(1)], "the full state is asked for");
    assert_eq!(to.entries_after(Partition(0), from.origin(), 0, 9_000).await.unwrap().len(), 1);
    let beyond = to.entries_after(Partition(0), from.origin(), 1, 9_000).await.unwrap();
    assert_eq!(beyond.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3]);
    // Remembered over a restart, so that a sound copy is still taken.
    to.shutdown().await;
    let to = two.crash(to);
    assert_eq!(to.vector(Partition(0)).get(&from.origin()), 1);
    assert_eq!(to.apply(vec![entries[1].clone()]).await.unwrap().new.len(), 1);
    assert_eq!(to.digest(Partition(0)), from.digest(Partition(0)));
    assert_eq!(to.wait_for(&key(1), &all, Duration::ZERO).await, Ok(()));
    assert_eq!(to.entries_after(Partition(0), from.origin(), 0, 9_000).await.unwrap().len(), 3);
}

/// A region that lags brings what this node itself has added.
#[tokio::test]
async fn an_imported_state_reaches_its_own_writer() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, writer) = (one.open(), two.open());
    run(&writer, 1, create()).await.unwrap();
    run(&writer, 1, count(5)).await.unwrap();
    let state = writer.read(key(1)).await.unwrap().unwrap().state;
    let session = Session::decode(&state, &from.core.decode).unwrap();
    let taken = run(&from, 1, Command::Merge(Box::new(session.clone()))).await.unwrap();
    assert_eq!(taken.state, state);
    let entries = all_entries(&from).await;
    let applied = writer.apply(entries).await.unwrap();
    assert_eq!((applied.new.len(), applied.refused), (1, Vec::new()));
    assert_eq!(writer.digest(Partition(0)), from.digest(Partition(0)));
    let again = run(&from, 1, Command::Merge(Box::new(session))).await.unwrap();
    assert_eq!(again.dot, None, "a second time there is nothing to send");
}

type Forgery = Box<dyn FnOnce(&mut Session)>;

/// An entry of node 1 whose fragment says what `change` makes of it.
async fn forged(node: &Node, change: impl FnOnce(&mut Session)) -> LogEntry {
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    run(&engine, 1, set("name", "value")).await.unwrap();
    let entry = all_entries(&engine).await.remove(1);
    let mut fragment = Session::decode(&entry.fragment, &engine.core.decode).unwrap();
    change(&mut fragment);
    LogEntry { fragment: fragment.encode(), ..entry }
}

fn body(session: &mut Session) -> &mut crate::session::Body {
    match &mut session.root {
        crate::session::Root::Live(body) => body,
        crate::session::Root::Revoked(_) => panic!("it is live"),
    }
}

#[tokio::test]
async fn a_fragment_may_not_invent_writes() {
    let two = Node::new(2);
    let to = two.open();
    run(&to, 1, create()).await.unwrap();
    let (own, digest) = (to.origin(), to.digest(Partition(0)));
    // All nodes here draw alike.
    let other = Origin { replica: ReplicaId(1), incarnation: own.incarnation };
    let write =
        |origin, seq| crate::session::Register::default().write(Dot { origin, seq }, START_MS << 16, None);
    let present = |origin, seq| {
        let presence = crate::session::Presence::default().add(Dot { origin, seq });
        [(Bytes::from_static(b"member"), presence)].into_iter().collect()
    };
    let share = crate::session::Counter::default().add(own, 7).unwrap();
    let invented: Vec<(&str, Forgery)> = vec![
        ("a write of ours", Box::new(move |it| drop(body(it).attributes.insert("x".into(), write(own, 2))))),
        ("a later write", Box::new(move |it| drop(body(it).attributes.insert("x".into(), write(other, 3))))),
        ("a member of ours", Box::new(move |it| drop(body(it).sets.insert("x".into(), present(own, 2))))),
        ("a later member", Box::new(move |it| drop(body(it).sets.insert("x".into(), present(other, 3))))),
        ("a share of ours", Box::new(move |it| drop(body(it).counters.insert("x".into(), share)))),
        (
            "having seen a write of ours",
            Box::new(move |it| {
                let seen = write(own, 9).write(Dot { origin: other, seq: 2 }, START_MS << 16, None);
                body(it).attributes.insert("x".into(), seen);
            }),
        ),
    ];
    for (what, change) in invented {
        let entry = forged(&Node::new(1), change).await;
        let applied = to.apply(vec![entry]).await.unwrap();
        assert_eq!((applied.refused.len(), applied.new.len()), (1, 0), "{what}");
        assert_eq!(to.digest(Partition(0)), digest, "{what}");
    }
    let named =
        forged(&Node::new(1), move |it| drop(body(it).sets.insert("x".into(), present(own, 1)))).await;
    assert_eq!(to.apply(vec![named]).await.unwrap().new.len(), 1, "what we did write may be named");
    assert!(to.digest(Partition(0)) != digest);
}

#[tokio::test]
async fn states_from_the_future_are_left_out() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    one.clock.0.fetch_add(501, Ordering::Relaxed);
    run(&from, 2, create()).await.unwrap();
    let states = from.scan(Partition(0), None, 9).await.unwrap();
    let clock = to.core.clock.lock().last();
    let merged = to.merge_states(Partition(0), states.clone(), all_of(from.vector(Partition(0)))).await;
    assert!(matches!(merged, Err(EngineError::NotReady { .. })), "{merged:?}");
    assert!(to.read(key(1)).await.unwrap().is_some());
    assert!(to.read(key(2)).await.unwrap().is_none());
    assert!(to.vector(Partition(0)).is_empty(), "the vector does not pass what was left out");
    assert!(
        (clock..=START_MS << 16).contains(&to.core.clock.lock().last()),
        "no foreign clock moves this one"
    );
    two.clock.0.fetch_add(1, Ordering::Relaxed);
    to.merge_states(Partition(0), states, all_of(from.vector(Partition(0)))).await.unwrap();
    assert_eq!(to.digest(Partition(0)), from.digest(Partition(0)));
    let stamp = to.core.clock.lock().last();
    assert!(stamp >= (START_MS + 501) << 16, "what is absorbed is observed");
}

#[tokio::test]
async fn a_state_may_not_invent_writes() {
    let two = Node::new(2);
    let to = two.open();
    let own = to.origin();
    let one = Node::new(1);
    let entry = forged(&one, move |it| {
        it.complete = true;
        let write =
            crate::session::Register::default().write(Dot { origin: own, seq: 1 }, START_MS << 16, None);
        body(it).attributes.insert("x".into(), write);
    });
    let states = vec![(key(1), entry.await.fragment)];
    assert!(matches!(
        to.merge_states(Partition(0), states, unknown()).await,
        Err(EngineError::Refused(StepError::InvalidArgument { .. }))
    ));
    assert!(to.read(key(1)).await.unwrap().is_none());
}
