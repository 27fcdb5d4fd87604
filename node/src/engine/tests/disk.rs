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
    let refused = engine.execute(key(1), set("a", "b"), &synced()).await;
    assert!(matches!(refused, Err(EngineError::NotReady { .. })), "{refused:?}");
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
    let engine = node.crash(engine);
    assert!(engine.entries_after(Partition(0), origin, 0, 1_000).await.is_err());
    assert_eq!(attribute(&engine, 1, "a").await.unwrap(), "399");
}
