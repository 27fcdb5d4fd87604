//! Crashes, faults and the end of the log.

use super::*;

#[tokio::test]
async fn synced_writes_survive_a_crash_and_dots_are_never_used_again() {
    let node = Node::new(1);
    let mut engine = node.open();
    let mut dots: Vec<Dot> = Vec::new();
    engine.execute(key(1), create(), &synced()).await.unwrap();
    for round in 0..5 {
        let kept = engine.execute(key(1), set("kept", &round.to_string()), &synced()).await.unwrap();
        let lost = run(&engine, 1, set("lost", "x")).await.unwrap();
        dots.extend(kept.dot.into_iter().chain(lost.dot));
        engine = node.crash(engine);
        assert_eq!(attribute(&engine, 1, "kept").await.unwrap(), round.to_string());
        assert_eq!(attribute(&engine, 1, "lost").await, None);
    }
    let unique: std::collections::BTreeSet<_> = dots.iter().collect();
    assert_eq!(unique.len(), dots.len(), "a dot was used twice: the incarnation was not advanced");
}

#[tokio::test]
async fn checkpoint_and_log_together_restore_everything() {
    let node = Node::new(1);
    let engine = node.open();
    for number in 0..40 {
        engine.execute(key(number), create(), &ExecuteOptions::default()).await.unwrap();
        if number == 20 {
            engine.core.checkpoint().await.unwrap();
        }
        engine.execute(key(number / 2), set("a", "b"), &synced()).await.unwrap();
    }
    let before = [engine.digest(Partition(0)), engine.digest(Partition(1))];
    let engine = node.crash(engine);
    assert_eq!([engine.digest(Partition(0)), engine.digest(Partition(1))], before);
    assert_eq!(recomputed(&engine, Partition(0)).await, before[0]);
    assert_eq!(all_entries(&engine).await.len(), 80);
}

#[tokio::test]
async fn a_failed_sync_is_not_acknowledged_and_ends_writing() {
    let node = Node::new(1);
    let engine = node.open();
    engine.execute(key(1), create(), &synced()).await.unwrap();
    node.disk.fail_next_sync();
    let unsynced = engine.execute(key(1), set("a", "b"), &synced()).await;
    assert!(matches!(unsynced, Err(EngineError::Unsynced { .. })), "{unsynced:?}");
    assert_eq!(attribute(&engine, 1, "a").await.unwrap(), "b", "others may have it already");
    assert!(matches!(engine.health(), Err(EngineError::NotReady { .. })));
    assert!(matches!(run(&engine, 1, set("c", "d")).await, Err(EngineError::NotReady { .. })));
}

#[tokio::test]
async fn beyond_its_retention_the_log_is_truncated() {
    let mut node = Node::new(1);
    node.config.log_disk_bytes_max = 4 * 1_024;
    node.config.log_memory_bytes_max = 0;
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    for number in 0..400 {
        run(&engine, 1, set("a", &number.to_string())).await.unwrap();
    }
    engine.core.checkpoint().await.unwrap();
    let origin = engine.origin();
    assert!(engine.entries_after(Partition(0), origin, 0, 1_000).await.is_err());
    assert_eq!(engine.entries_after(Partition(0), origin, 400, 1_000).await.unwrap().len(), 1);
    assert!(engine.stats().log_disk_bytes <= 4 * 1_024);
    engine.shutdown().await;
    drop(engine);
    let engine = node.open();
    assert!(engine.entries_after(Partition(0), origin, 0, 1_000).await.is_err());
    assert_eq!(attribute(&engine, 1, "a").await.unwrap(), "399");
}

/// An engine whose only record of partition 0 with this number is corrupt at rest.
async fn with_corrupt_record(node: &Node, number: u8) -> Arc<Engine> {
    use crate::store::keys::{RecordKey, StoreKey};
    let engine = node.open();
    for number in 1..5 {
        run(&engine, number, create()).await.unwrap();
    }
    engine.shutdown().await;
    drop(engine);
    let place = RecordKey { partition: Partition(0), key: key(number) }.encode();
    assert!(node.disk.flip_bit(crate::store::Tree::Records, &place, 5));
    node.open()
}

#[tokio::test]
async fn a_corrupt_record_is_put_aside_and_fetched() {
    let (one, two) = (Node::new(1), Node::new(2));
    let engine = with_corrupt_record(&one, 2).await;
    let mut wanted = engine.partial_keys();
    assert!(matches!(engine.read(key(2)).await, Err(EngineError::Refused(StepError::Partial))));
    assert_eq!(wanted.next().await, [key(2)]);
    assert_eq!((engine.stats().corrupt_records, engine.digest(Partition(0)).records), (1, 3));
    assert!(
        matches!(run(&engine, 2, create()).await, Err(EngineError::Refused(StepError::Partial))),
        "it is not created again"
    );
    assert!(matches!(run(&engine, 2, set("a", "b")).await, Err(EngineError::Refused(StepError::Partial))));
    run(&engine, 4, set("a", "b")).await.unwrap();
    engine.core.recount_digests().await;
    assert_eq!(engine.digest(Partition(0)), recomputed(&engine, Partition(0)).await);

    let peer = two.open();
    peer.apply(all_entries(&engine).await).await.unwrap();
    engine.shutdown().await;
    let engine = one.crash(engine);
    assert_eq!(engine.partials(Partition(0), 9), [key(2)], "a restart does not forget it");
    let full = peer.read(key(2)).await.unwrap().unwrap();
    let states = vec![(key(2), full.state)];
    let too_old = exactly(VersionVector::new());
    for covered in [unknown(), too_old] {
        engine.merge_states(Partition(0), states.clone(), covered).await.unwrap();
        assert_eq!(engine.partials(Partition(0), 9), [key(2)], "it may lack what was lost");
    }
    engine.merge_states(Partition(0), states, exactly(full.vector)).await.unwrap();
    run(&engine, 2, set("a", "b")).await.unwrap();
    assert!(engine.partials(Partition(0), 9).is_empty());
    engine.core.recount_digests().await;
    assert_eq!(engine.digest(Partition(0)), recomputed(&engine, Partition(0)).await);
}

#[tokio::test]
async fn a_corrupt_record_is_given_up_once_a_peer_has_had_it_and_dropped_it() {
    let one = Node::new(1);
    let engine = with_corrupt_record(&one, 2).await;
    assert!(!engine.forgo(key(2), &VersionVector::new()).await.unwrap(), "nobody knew that it is lost");
    assert!(matches!(engine.read(key(2)).await, Err(EngineError::Refused(StepError::Partial))));
    let lost = engine.seen(Partition(0));
    let mut older = lost.clone();
    older.dots.values_mut().for_each(|seq| *seq -= 1);
    assert!(!engine.forgo(key(2), &older).await.unwrap(), "that peer may never have had it");
    assert!(!engine.forgo(key(1), &lost).await.unwrap(), "it is here");
    assert_eq!(engine.partials(Partition(0), 9), [key(2)]);

    engine.shutdown().await;
    let engine = one.crash(engine);
    assert!(engine.forgo(key(2), &lost).await.unwrap(), "after a restart too");
    assert!(engine.partials(Partition(0), 9).is_empty());
    assert!(engine.read(key(2)).await.unwrap().is_none());
    engine.core.recount_digests().await;
    assert_eq!(engine.digest(Partition(0)), recomputed(&engine, Partition(0)).await);
}

#[tokio::test]
async fn a_peer_that_may_never_have_had_a_record_does_not_say_that_it_holds_nothing() {
    use crate::replication::Replica;
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    run(&from, 2, create()).await.unwrap();
    let entries = all_entries(&from).await;
    let holds_part = async |engine: &Engine| Replica::read(engine, key(3)).await.unwrap().held_in_part;
    assert!(!holds_part(&to).await);
    let poison = LogEntry { fragment: entries[0].fragment.slice(1..), ..entries[0].clone() };
    assert_eq!(to.apply(vec![poison]).await.unwrap().refused.len(), 1);
    assert!(holds_part(&to).await, "it refused an entry");
    to.persist().await.unwrap();
    let to = two.crash(to);
    assert!(holds_part(&to).await, "after a restart too");
    to.apply(vec![entries[0].clone()]).await.unwrap();
    assert!(!holds_part(&to).await);

    let other = Node::new(3).open();
    other.apply(vec![entries[1].clone()]).await.unwrap();
    assert!(!holds_part(&other).await, "its vector tells of the gap");
    other.gaps().into_iter().for_each(|gap| other.pass_over(gap));
    assert!(holds_part(&other).await, "it went on without an entry");
}

#[tokio::test]
async fn a_corrupt_record_of_which_more_has_come_is_not_given_up() {
    let (one, two) = (Node::new(1), Node::new(2));
    let engine = with_corrupt_record(&one, 2).await;
    let peer = two.open();
    peer.apply(all_entries(&engine).await).await.unwrap();
    assert!(engine.read(key(2)).await.is_err());
    let lost = engine.seen(Partition(0));
    run(&peer, 2, set("a", "b")).await.unwrap();
    engine.apply(all_entries(&peer).await).await.unwrap();
    assert!(!engine.forgo(key(2), &lost).await.unwrap());
    assert_eq!(engine.partials(Partition(0), 9), [key(2)]);
}

#[tokio::test]
async fn a_corrupt_record_is_waited_for_until_it_is_over() {
    const LIFE_AND_MARGIN_MS: u64 = 3_600_000 + 60_500;
    let (one, two) = (Node::new(1), Node::new(2));
    let engine = with_corrupt_record(&one, 2).await;
    let peer = two.open();
    peer.apply(all_entries(&engine).await).await.unwrap();
    assert!(matches!(engine.read(key(2)).await, Err(EngineError::Refused(StepError::Partial))));
    let full = peer.read(key(2)).await.unwrap().unwrap();
    let fetch = || {
        let states = vec![(key(2), full.state.clone())];
        engine.merge_states(Partition(0), states, exactly(VersionVector::new()))
    };
    pass(&one, LIFE_AND_MARGIN_MS);
    agree(&engine);
    fetch().await.unwrap();
    assert_eq!(engine.partials(Partition(0), 9), [key(2)], "by some clock it may still be served");
    pass(&one, 1);
    fetch().await.unwrap();
    assert!(engine.partials(Partition(0), 9).is_empty());
    assert!(engine.read(key(2)).await.unwrap().is_none());
    engine.persist().await.unwrap();
    let engine = one.crash(engine);
    assert!(engine.partials(Partition(0), 9).is_empty() && engine.read(key(2)).await.unwrap().is_none());
    run(&engine, 2, create()).await.unwrap();
    engine.core.recount_digests().await;
    assert_eq!(engine.digest(Partition(0)), recomputed(&engine, Partition(0)).await);
}

#[tokio::test]
async fn a_peer_is_not_blamed_for_a_corrupt_record() {
    let (one, two) = (Node::new(1), Node::new(2));
    let peer = two.open();
    let engine = with_corrupt_record(&one, 2).await;
    peer.apply(all_entries(&engine).await).await.unwrap();
    run(&peer, 2, set("a", "b")).await.unwrap();
    let entries = peer.entries_after(Partition(0), peer.origin(), 0, 9_000).await.unwrap();
    let applied = engine.apply(entries).await.unwrap();
    assert_eq!((applied.refused.len(), applied.new.len()), (0, 1));
    assert_eq!(engine.stats().corrupt_records, 1);
    assert_eq!(engine.partials(Partition(0), 9), [key(2)], "only the fragment is held");
    let full = peer.read(key(2)).await.unwrap().unwrap();
    let covered = exactly(full.vector);
    engine.merge_states(Partition(0), vec![(key(2), full.state)], covered).await.unwrap();
    engine.core.recount_digests().await;
    assert_eq!(engine.digest(Partition(0)), peer.digest(Partition(0)));
}

#[tokio::test]
async fn what_a_torn_crash_leaves_is_a_prefix() {
    for seed in 0..24 {
        let node = Node::new(1);
        let engine = node.open();
        engine.execute(key(1), create(), &synced()).await.unwrap();
        let mut acknowledged = 0;
        for round in 1..=30u64 {
            let is_synced = round == seed % 30;
            let options = if is_synced { synced() } else { ExecuteOptions::default() };
            engine.execute(key(1), set("round", &round.to_string()), &options).await.unwrap();
            engine.execute(key(2 + round as u8), create(), &ExecuteOptions::default()).await.unwrap();
            if is_synced {
                acknowledged = round;
            }
            if round % 4 == 0 {
                let block = engine.core.log.newest().unwrap();
                engine.core.log.written(block).await.unwrap();
            }
            if round % 10 == seed % 10 {
                engine.core.checkpoint().await.unwrap();
            }
        }
        drop(engine);
        node.disk.crash(Crash::Torn { seed });
        let engine = node.open();
        let round = attribute(&engine, 1, "round")
            .await
            .map_or(0, |value| std::str::from_utf8(&value).unwrap().parse::<u64>().unwrap());
        assert!(round >= acknowledged, "seed {seed}: lost round {acknowledged}, kept {round}");
        for other in 1..=30u64 {
            let is_held = engine.read(key(2 + other as u8)).await.unwrap().is_some();
            assert!(if other < round { is_held } else { other == round || !is_held }, "seed {seed}: {other}");
        }
        for partition in [Partition(0), Partition(1)] {
            assert_eq!(recomputed(&engine, partition).await, engine.digest(partition), "seed {seed}");
        }
        let held: u64 = engine.vector(Partition(0)).dots.values().sum();
        assert_eq!(all_entries(&engine).await.len() as u64, held, "seed {seed}");
        run(&engine, 1, set("round", "after")).await.unwrap();
    }
}

#[tokio::test]
async fn stamps_never_go_back_over_a_restart() {
    let node = Node::new(1);
    let mut engine = node.open();
    engine.execute(key(1), create(), &synced()).await.unwrap();
    let mut last = engine.core.clock.lock().last();
    for back_ms in [1, 1_000, 6 * 3_600_000] {
        // Given, and lost by the crash: peers may have it.
        run(&engine, 1, set("a", "b")).await.unwrap();
        last = last.max(engine.core.clock.lock().last());
        node.clock.0.fetch_sub(back_ms, Ordering::Relaxed);
        engine = node.crash(engine);
        engine.execute(key(1), set("a", "c"), &synced()).await.unwrap();
        let stamp = engine.core.clock.lock().last();
        assert!(stamp > last, "{back_ms} ms back: {stamp} after {last}");
        last = stamp;
        assert_eq!(attribute(&engine, 1, "a").await.unwrap(), "c");
    }
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_ends_writing() {
    let node = Node::new(1);
    let engine = node.open();
    engine.execute(key(1), create(), &synced()).await.unwrap();
    node.disk.set_bytes_max(Some(0));
    let unsynced = engine.execute(key(1), set("lost", "x"), &synced()).await;
    assert!(matches!(unsynced, Err(EngineError::Unsynced { .. })), "{unsynced:?}");
    assert!(engine.health().is_err());
    assert!(run(&engine, 2, create()).await.is_err());
    assert!(engine.synced().await.is_err());
    node.disk.set_bytes_max(None);
    assert!(engine.health().is_err(), "what failed once is not trusted again");
    let engine = node.crash(engine);
    assert_eq!(attribute(&engine, 1, "lost").await, None);
    engine.execute(key(1), set("kept", "x"), &synced()).await.unwrap();
}

#[tokio::test]
async fn a_failed_read_ends_writing() {
    let node = Node::new(1);
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    engine.shutdown().await;
    drop(engine);
    let engine = node.open();
    node.disk.set_failing(true);
    assert!(matches!(engine.read(key(1)).await, Err(EngineError::Store(_))));
    node.disk.set_failing(false);
    assert!(matches!(run(&engine, 2, create()).await, Err(EngineError::NotReady { .. })));
}

#[tokio::test]
async fn a_failed_checkpoint_ends_writing() {
    let node = Node::new(1);
    let engine = node.open();
    engine.execute(key(1), create(), &synced()).await.unwrap();
    node.disk.set_failing(true);
    assert!(engine.core.checkpoint().await.is_err());
    assert!(matches!(run(&engine, 1, set("a", "b")).await, Err(EngineError::NotReady { .. })));
    node.disk.set_failing(false);
    let engine = node.crash(engine);
    assert!(engine.read(key(1)).await.unwrap().is_some(), "the log has it");
}

#[tokio::test]
async fn a_sealed_disk_with_corrupt_values_opens_and_is_read() {
    use crate::store::keys::{BlockKey, RecordKey, StoreKey};
    use crate::store::{Store, Tree};
    let node = Node::new(1);
    let engine = node.open_sealed();
    for number in 1..6 {
        engine.execute(key(number), create(), &synced()).await.unwrap();
    }
    engine.shutdown().await;
    drop(engine);
    let place = RecordKey { partition: Partition(0), key: key(3) }.encode();
    assert!(node.disk.flip_bit(Tree::Records, &place, 200));
    let last = node.disk.open().last_before(Tree::Log, &BlockKey::end()).unwrap().unwrap().0;
    assert!(node.disk.flip_bit(Tree::Log, &last, 200));
    let engine = node.open_sealed();
    let keys: Vec<Key> =
        engine.scan(Partition(0), None, 9).await.unwrap().into_iter().map(|it| it.0).collect();
    assert_eq!(keys, [1, 2, 4, 5].map(key));
    // Nobody has asked for the lost one, and perhaps nobody ever will.
    engine.core.recount_digests().await;
    assert_eq!(engine.digest(Partition(0)), recomputed(&engine, Partition(0)).await);
    assert_eq!(engine.digest(Partition(0)).records, 4);
    assert!(matches!(engine.read(key(3)).await, Err(EngineError::Refused(StepError::Partial))));
}

#[tokio::test]
async fn a_transfer_names_what_its_sender_has_lost() {
    use crate::replication::{TransferIn, TransferOut};
    use crate::store::Tree;
    use crate::store::keys::{RecordKey, StoreKey};
    let (one, two) = (Node::new(1), Node::new(2));
    let engine = one.open_sealed();
    for number in 1..4 {
        engine.execute(key(number), create(), &synced()).await.unwrap();
    }
    engine.shutdown().await;
    drop(engine);
    let place = RecordKey { partition: Partition(0), key: key(2) }.encode();
    assert!(one.disk.flip_bit(Tree::Records, &place, 200));
    let (from, to) = (one.open_sealed(), two.open());
    let incoming = TransferIn::new(&*to, Partition(0));
    let mut outgoing = TransferOut::new(from, Partition(0), 1 << 20);
    while let Some(chunk) = outgoing.next().await.unwrap() {
        incoming.take(chunk).await.unwrap();
    }
    assert_eq!(to.partials(Partition(0), 9), [key(2)]);
    assert!(matches!(to.read(key(2)).await, Err(EngineError::Refused(StepError::Partial))));
    assert!(to.read(key(1)).await.unwrap().is_some());
}

/// An engine that has taken over from a peer the state of session 1, which was revoked there.
async fn with_revoked_at_a_peer(node: &Node) -> (Arc<Engine>, Bytes) {
    let (engine, peer) = (node.open(), Node::new(2).open());
    engine.execute(key(1), create(), &synced()).await.unwrap();
    peer.apply(all_entries(&engine).await).await.unwrap();
    run(&peer, 1, revoke()).await.unwrap();
    let state = peer.read(key(1)).await.unwrap().unwrap().state;
    let partition = engine.partition(&key(1));
    engine.merge_states(partition, vec![(key(1), state.clone())], unknown()).await.unwrap();
    (engine, state)
}

#[tokio::test]
async fn a_command_that_waits_for_a_checkpoint_may_be_dropped() {
    let node = Node::new(1);
    let (engine, _) = with_revoked_at_a_peer(&node).await;
    {
        let mut dropped = std::pin::pin!(run(&engine, 1, revoke()));
        assert!(futures::poll!(dropped.as_mut()).is_pending(), "it waits for a checkpoint");
    }
    assert_eq!(run(&engine, 1, revoke()).await.unwrap().dot, None);
    assert!(!engine.core.cells[0].state.lock().is_unlogged(&key(1)), "it is on the disk");
}

#[tokio::test]
async fn a_command_that_finds_its_work_done_answers_for_it() {
    let node = Node::new(1);
    let (engine, state) = with_revoked_at_a_peer(&node).await;
    assert_eq!(run(&engine, 1, revoke()).await.unwrap().dot, None, "the peer's state had it");
    let engine = node.crash(engine);
    assert_eq!(engine.read(key(1)).await.unwrap().unwrap().state, state, "it was acknowledged");

    engine.execute(key(2), create(), &synced()).await.unwrap();
    assert!(run(&engine, 2, revoke()).await.unwrap().dot.is_some());
    assert_eq!(engine.execute(key(2), revoke(), &synced()).await.unwrap().dot, None);
    let before = engine.read(key(2)).await.unwrap().unwrap().state;
    let engine = node.crash(engine);
    assert_eq!(engine.read(key(2)).await.unwrap().unwrap().state, before, "it was acknowledged as synced");
}
