//! Records that come ahead of the entries that made them.

use super::*;
use crate::replication::{TransferIn, TransferOut};

/// The second engine holds the first write of the first one, and its session 1 with two more.
async fn one_ahead(one: &Node, two: &Node) -> (Arc<Engine>, Arc<Engine>) {
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    to.apply(all_entries(&from).await).await.unwrap();
    run(&from, 1, set("a", "b")).await.unwrap();
    run(&from, 2, create()).await.unwrap();
    let full = from.read(key(1)).await.unwrap().unwrap();
    let states = vec![(key(1), full.state)];
    to.merge_states(Partition(0), states, exactly(full.vector.clone())).await.unwrap();
    (from, to)
}

#[tokio::test]
async fn a_token_names_what_is_in_a_record_ahead_of_its_partition() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = one_ahead(&one, &two).await;
    let read = to.read(key(1)).await.unwrap().unwrap();
    assert_eq!((read.vector.get(&from.origin()), to.vector(Partition(0)).get(&from.origin())), (3, 1));
    assert_eq!(to.wait_for(&key(1), &read.vector, Duration::ZERO).await, Ok(()), "it is here");
    assert_eq!(to.wait_for(&key(2), &read.vector, Duration::ZERO).await, Err(NotYet), "that one is not");
    let written = run(&to, 1, set("c", "d")).await.unwrap().vector;
    assert_eq!((written.get(&from.origin()), written.get(&to.origin())), (3, 1));
    assert_eq!(run(&to, 4, create()).await.unwrap().vector.get(&from.origin()), 1, "of another record");
}

#[tokio::test]
async fn a_token_names_it_after_a_restart_too() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = one_ahead(&one, &two).await;
    to.persist().await.unwrap();
    let to = two.crash(to);
    let read = to.read(key(1)).await.unwrap().unwrap();
    assert_eq!((read.vector.get(&from.origin()), to.vector(Partition(0)).get(&from.origin())), (3, 1));
    assert_eq!(to.wait_for(&key(1), &read.vector, Duration::ZERO).await, Ok(()), "it is here");
    pass(&two, 600_000);
    assert_eq!(to.read(key(1)).await.unwrap().unwrap().vector.get(&from.origin()), 1, "it never came");
}

#[tokio::test]
async fn a_record_that_the_disk_loses_is_not_taken_for_whole() {
    use crate::store::Tree;
    use crate::store::keys::{RecordKey, StoreKey};
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = one_ahead(&one, &two).await;
    let before = to.read(key(1)).await.unwrap().unwrap().vector;
    to.shutdown().await;
    drop(to);
    let place = RecordKey { partition: Partition(0), key: key(1) }.encode();
    assert!(two.disk.flip_bit(Tree::Records, &place, 5));
    let to = two.open();
    assert!(matches!(to.read(key(1)).await, Err(EngineError::Refused(StepError::Partial))));
    assert_eq!(to.wait_for(&key(1), &before, Duration::ZERO).await, Err(NotYet));
    let full = from.read(key(1)).await.unwrap().unwrap();
    to.merge_states(Partition(0), vec![(key(1), full.state)], exactly(full.vector)).await.unwrap();
    assert_eq!(to.wait_for(&key(1), &before, Duration::ZERO).await, Ok(()));
}

#[tokio::test]
async fn a_record_that_was_lost_with_what_it_held_ahead_is_taken_from_nobody_who_has_not_had_that() {
    use crate::store::Tree;
    use crate::store::keys::{RecordKey, StoreKey};
    let (one, two, three) = (Node::new(1), Node::new(2), Node::new(3));
    let (from, to, behind) = (one.open(), two.open(), three.open());
    run(&from, 1, create()).await.unwrap();
    let entries = all_entries(&from).await;
    to.apply(entries.clone()).await.unwrap();
    behind.apply(entries).await.unwrap();
    run(&from, 1, revoke()).await.unwrap();
    let revoked = from.read(key(1)).await.unwrap().unwrap();
    let state = vec![(key(1), revoked.state)];
    to.merge_states(Partition(0), state.clone(), exactly(revoked.vector.clone())).await.unwrap();
    to.shutdown().await;
    drop(to);
    let place = RecordKey { partition: Partition(0), key: key(1) }.encode();
    assert!(two.disk.flip_bit(Tree::Records, &place, 5));
    let to = two.open();
    assert!(to.read(key(1)).await.is_err());
    let live = behind.read(key(1)).await.unwrap().unwrap();
    let live_states = vec![(key(1), live.state)];
    to.merge_states(Partition(0), live_states.clone(), exactly(live.vector.clone())).await.unwrap();
    assert!(!to.forgo(key(1), &live.vector).await.unwrap());
    assert_eq!(to.partials(Partition(0), 9), [key(1)], "that peer may not have had the end");
    pass(&two, 600_000);
    assert!(to.forgo(key(1), &live.vector).await.unwrap(), "it is not waited for for ever");
}

#[tokio::test]
async fn a_token_names_what_has_come_in_a_transfer_that_has_not_ended() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    for number in 1..4 {
        run(&from, number, create()).await.unwrap();
    }
    let incoming = TransferIn::new(&*to, Partition(0));
    let mut outgoing = TransferOut::new(from.clone(), Partition(0), 1);
    let first = outgoing.next().await.unwrap().unwrap();
    assert_eq!((first.keys_and_states.len(), first.last), (2, false));
    assert_eq!(incoming.take(first).await.unwrap(), None);
    let seen = |engine: &Engine| engine.seen_in_records(Partition(0)).get(&from.origin());
    assert_eq!((to.read(key(1)).await.unwrap().unwrap().vector.get(&from.origin()), seen(&to)), (3, 3));
    assert!(to.vector(Partition(0)).is_empty());
    to.persist().await.unwrap();
    let to = two.crash(to);
    assert_eq!(to.read(key(1)).await.unwrap().unwrap().vector.get(&from.origin()), 3);
    let incoming = TransferIn::new(&*to, Partition(0));
    run(&from, 3, set("a", "b")).await.unwrap();
    while let Some(chunk) = outgoing.next().await.unwrap() {
        incoming.take(chunk).await.unwrap();
    }
    assert_eq!((to.vector(Partition(0)).get(&from.origin()), seen(&to)), (3, 4));
    assert_eq!(to.read(key(3)).await.unwrap().unwrap().vector.get(&from.origin()), 4, "it came with that");
}

#[tokio::test]
async fn the_chunks_of_a_transfer_stay_small_where_sessions_are_large() {
    const CHUNK_BYTES_MAX: usize = 10_000;
    const SESSION_BYTES: usize = 4_000;
    let one = Node::new(1);
    let from = one.open();
    for number in 1..20 {
        run(&from, number, create()).await.unwrap();
        run(&from, number, set("a", &"x".repeat(SESSION_BYTES))).await.unwrap();
    }
    let mut outgoing = TransferOut::new(from, Partition(0), CHUNK_BYTES_MAX);
    let (mut chunks, mut records) = (0, 0);
    while let Some(chunk) = outgoing.next().await.unwrap() {
        let bytes: usize = chunk.keys_and_states.iter().map(Bytes::len).sum();
        assert!(bytes < CHUNK_BYTES_MAX + SESSION_BYTES + 500, "{bytes}");
        chunks += 1;
        records += chunk.keys_and_states.len() / 2;
    }
    assert_eq!((chunks, records), (7, 19));
}
