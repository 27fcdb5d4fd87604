use super::*;

fn told(state: ClockState, expected_ms: Option<i64>) -> ClockVerdict {
    ClockVerdict { state, offset_ms: 0, expected_ms }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_stamps_nothing() {
    let node = Node::new(1);
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    let before = engine.vector(engine.partition(&key(1)));
    engine.set_clock(told(ClockState::Off, None));
    let refused = run(&engine, 1, set("a", "b")).await;
    assert!(
        matches!(&refused, Err(EngineError::NotReady { detail }) if detail.contains("clock")),
        "{refused:?}"
    );
    assert_eq!(engine.vector(engine.partition(&key(1))), before);
    for state in [ClockState::Disputed, ClockState::Agreed, ClockState::Unheard, ClockState::Alone] {
        engine.set_clock(told(state, None));
        run(&engine, 1, set("a", "b")).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_jump_is_noticed_by_the_first_call_after_it() {
    let node = Node::new(1);
    let engine = node.open();
    // The test's clocks show the same: one that should be behind by more than is allowed has jumped.
    for (expected_ms, is_trusted) in [(0, true), (500, true), (-500, true), (501, false), (-501, false)] {
        engine.set_clock(told(ClockState::Agreed, Some(expected_ms)));
        assert_eq!(engine.trusted_wall_ms().is_ok(), is_trusted, "{expected_ms}");
    }
    let off = engine.trusted_wall_ms().unwrap_err();
    assert_eq!(off, ClockError::Off { offset_ms: 501, offset_max_ms: 500 });
    assert!(matches!(run(&engine, 1, create()).await, Err(EngineError::NotReady { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_nobody_confirms_removes_nothing() {
    let node = Node::new(1);
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    node.clock.0.fetch_add(24 * 3_600_000, Ordering::Relaxed);
    use ClockState::{Agreed, Alone, Disputed, Off, Unheard};
    for (state, is_held) in [(Unheard, true), (Disputed, true), (Off, true), (Agreed, false)] {
        engine.set_clock(told(state, None));
        engine.core.sweep(engine.partition(&key(1))).await.unwrap();
        assert_eq!(engine.read(key(1)).await.unwrap().is_some(), is_held, "{state:?}");
    }
    run(&engine, 2, create()).await.unwrap();
    node.clock.0.fetch_add(24 * 3_600_000, Ordering::Relaxed);
    engine.set_clock(told(Alone, None));
    engine.core.sweep(engine.partition(&key(2))).await.unwrap();
    assert!(engine.read(key(2)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_start_with_a_wrong_clock_forgets_nothing() {
    let node = Node::new(1);
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    engine.shutdown().await;
    node.clock.0.fetch_add(24 * 3_600_000, Ordering::Relaxed);
    let engine = node.crash(engine);
    assert!(engine.read(key(1)).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_comes_from_others_is_kept_whatever_the_clock_says() {
    let (node, other) = (Node::new(1), Node::new(2));
    let (engine, writer) = (node.open(), other.open());
    run(&writer, 1, create()).await.unwrap();
    node.clock.0.fetch_add(24 * 3_600_000, Ordering::Relaxed);
    engine.set_clock(told(ClockState::Off, None));
    engine.apply(all_entries(&writer).await).await.unwrap();
    assert!(engine.read(key(1)).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn once_the_log_has_forgotten_a_wrong_clock_a_start_does_not_wait_for_its_time() {
    const AHEAD_MS: u64 = 3_600_000;
    let mut node = Node::new(1);
    node.config.log_disk_bytes_max = 4 * 1_024;
    node.config.log_memory_bytes_max = 0;
    let engine = node.open();
    node.clock.0.fetch_add(AHEAD_MS, Ordering::Relaxed);
    run(&engine, 1, create()).await.unwrap();
    node.clock.0.fetch_sub(AHEAD_MS, Ordering::Relaxed);
    run(&engine, 2, create()).await.unwrap();
    engine.set_clock(told(ClockState::Agreed, None));
    run(&engine, 3, create()).await.unwrap();
    engine.shutdown().await;
    let engine = node.crash(engine);
    assert_eq!(engine.earlier_wall_ms(), START_MS + AHEAD_MS, "the log holds such a write");
    engine.set_clock(told(ClockState::Agreed, None));
    for number in 0..400 {
        run(&engine, 2, set("a", &number.to_string())).await.unwrap();
    }
    engine.core.checkpoint().await.unwrap();
    engine.shutdown().await;
    drop(engine);
    assert_eq!(node.open().earlier_wall_ms(), START_MS);
}

#[tokio::test(start_paused = true)]
async fn writes_by_a_clock_that_was_wrong_hold_up_no_later_ones() {
    const AHEAD_MS: u64 = 3_600_000;
    let (node, other) = (Node::new(1), Node::new(2));
    let (engine, peer) = (node.open(), other.open());
    run(&engine, 1, create()).await.unwrap();
    node.clock.0.fetch_add(AHEAD_MS, Ordering::Relaxed);
    run(&engine, 2, create()).await.unwrap();
    node.clock.0.fetch_sub(AHEAD_MS, Ordering::Relaxed);
    run(&engine, 3, create()).await.unwrap();
    engine.set_clock(told(ClockState::Agreed, None));
    run(&engine, 4, create()).await.unwrap();
    assert_eq!(engine.last_stamp() >> 16, START_MS);
    let applied = peer.apply(all_entries(&engine).await).await.unwrap();
    let arrived: Vec<Key> = applied.new.iter().map(|entry| entry.key).collect();
    assert_eq!(
        (arrived, applied.held),
        (vec![key(1), key(4)], 2),
        "nobody had confirmed the clock at the third"
    );
}
