//! Commands on one node.

use super::*;

#[tokio::test]
async fn ids_are_never_used_again() {
    let node = Node::new(1);
    let engine = node.open();
    assert!(matches!(run(&engine, 1, set("a", "b")).await, Err(EngineError::Refused(StepError::NotFound))));
    run(&engine, 1, create()).await.unwrap();
    assert!(matches!(run(&engine, 1, create()).await, Err(EngineError::Refused(StepError::AlreadyExists))));
    let first = run(&engine, 1, Command::Revoke { reason: "logout".into() }).await.unwrap();
    let again = run(&engine, 1, Command::Revoke { reason: "other".into() }).await.unwrap();
    assert_eq!((again.reply, again.dot), (first.reply, None));
    assert!(matches!(run(&engine, 1, create()).await, Err(EngineError::Refused(StepError::Revoked))));
    assert!(matches!(run(&engine, 1, set("a", "b")).await, Err(EngineError::Refused(StepError::Revoked))));
    run(&engine, 2, create()).await.unwrap();
    node.clock.0.fetch_add(1_800_000, Ordering::Relaxed);
    assert!(matches!(run(&engine, 2, Command::Touch).await, Err(EngineError::Refused(StepError::Expired))));
    assert!(matches!(run(&engine, 2, create()).await, Err(EngineError::Refused(StepError::Revoked))));
}

#[tokio::test]
async fn a_retry_with_the_same_key_has_one_effect() {
    let node = Node::new(1);
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    let options = ExecuteOptions { idempotency_key: Some(Bytes::from_static(b"once")), ..synced() };
    let first = engine.execute(key(1), count(5), &options).await.unwrap();
    let again = engine.execute(key(1), count(5), &options).await.unwrap();
    assert_eq!((again.dot, again.state), (first.dot, first.state.clone()));
    let session = Session::decode(&first.state, &engine.core.decode).unwrap();
    assert_eq!(session.body().unwrap().counters["n"].value(), 5);
}

#[tokio::test]
async fn what_is_beyond_a_limit_changes_nothing() {
    let mut node = Node::new(1);
    node.config.limits.attributes_max = 1;
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    run(&engine, 1, set("a", "b")).await.unwrap();
    let (digest, vector) = (engine.digest(Partition(0)), engine.vector(Partition(0)));
    let refused = run(&engine, 1, set("c", "d")).await;
    assert!(
        matches!(refused, Err(EngineError::Refused(StepError::LimitExceeded { limit: 1, actual: 2, .. }))),
        "{refused:?}"
    );
    assert_eq!((engine.digest(Partition(0)), engine.vector(Partition(0))), (digest, vector));
}

#[tokio::test]
async fn more_than_the_cache_holds_is_readable() {
    let mut node = Node::new(1);
    node.config.cache_bytes_max = 4_096;
    let engine = node.open();
    for number in 0..200 {
        run(&engine, number, create()).await.unwrap();
        run(&engine, number, set("a", &number.to_string())).await.unwrap();
    }
    engine.core.checkpoint().await.unwrap();
    engine.core.evict();
    assert!(engine.stats().cache_bytes <= 4_096, "{:?}", engine.stats());
    for number in 0..200 {
        assert_eq!(attribute(&engine, number, "a").await.unwrap(), number.to_string());
    }
    assert!(engine.stats().cache_bytes <= 4_096 + 1_024, "{:?}", engine.stats());
    assert_eq!(engine.scan(Partition(0), None, 1_000).await.unwrap().len(), 128);
    assert_eq!(recomputed(&engine, Partition(1)).await, engine.digest(Partition(1)));
    assert!(matches!(run(&engine, 7, create()).await, Err(EngineError::Refused(StepError::AlreadyExists))));
}

#[tokio::test]
async fn records_past_their_deadline_are_removed() {
    let node = Node::new(1);
    let engine = node.open();
    engine.set_clock(ClockVerdict { state: ClockState::Alone, ..ClockVerdict::default() });
    run(&engine, 1, create()).await.unwrap();
    engine.core.checkpoint().await.unwrap();
    node.clock.0.fetch_add(3_600_000 + 60_500, Ordering::Relaxed);
    engine.core.sweep(Partition(0)).await.unwrap();
    assert_eq!(engine.digest(Partition(0)).records, 1);
    node.clock.0.fetch_add(1, Ordering::Relaxed);
    engine.core.sweep(Partition(0)).await.unwrap();
    assert_eq!(engine.digest(Partition(0)), PartitionDigest::default());
    engine.shutdown().await;
    let engine = node.crash(engine);
    assert!(engine.read(key(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn pain_9_neither_tombstones_nor_counts_of_them_grow_for_ever() {
    let node = Node::new(1);
    let engine = node.open();
    engine.set_clock(ClockVerdict { state: ClockState::Alone, ..ClockVerdict::default() });
    let mut most = 0;
    for generation in 0..5 {
        for number in generation * 50..(generation + 1) * 50 {
            run(&engine, number, create()).await.unwrap();
            run(&engine, number, revoke()).await.unwrap();
        }
        engine.core.checkpoint().await.unwrap();
        most = most.max(engine.stats().records);
        node.clock.0.fetch_add(3_600_000 + 60_501, Ordering::Relaxed);
        for partition in engine.config().partitions() {
            engine.core.sweep(partition).await.unwrap();
        }
        assert_eq!(engine.stats().records, 0, "no peer was asked, and none is needed");
    }
    assert_eq!(most, 50, "no more at a time than lived within one lifetime");
    engine.shutdown().await;
    let engine = node.crash(engine);
    assert_eq!(engine.stats().records, 0);
    let vectors = engine.config().partitions().map(|partition| engine.vector(partition).dots.len());
    assert_eq!(vectors.max(), Some(1), "one entry for the one writer, however much it wrote");
}

#[tokio::test]
async fn a_reader_that_lags_skips_and_knows_how_much() {
    let mut node = Node::new(1);
    node.config.feed_bytes_max = 1_000;
    let engine = node.open();
    let (mut slow, mut fast) = (engine.commits(), engine.commits());
    let mut seen = 0;
    for number in 0..100 {
        run(&engine, number, create()).await.unwrap();
        seen += fast.next().await.len();
    }
    assert_eq!((seen, fast.skipped()), (100, 0));
    let late = slow.next().await;
    assert_eq!(late.len() as u64 + slow.skipped(), 100);
    assert!(late.iter().map(|entry| entry.bytes()).sum::<usize>() <= 1_000);
    assert!(late.last().is_some_and(|entry| entry.key == key(99)), "the newest are kept");
    run(&engine, 100, create()).await.unwrap();
    assert_eq!(slow.next().await.len(), 1);
}
