//! Sessions that lay idle lapse once nobody knows of a later use.

use super::*;
use crate::session::Liveness;

const IDLE_MS: u64 = 1_800_000;
const MARGIN_MS: u64 = 60_500;

async fn held(engine: &Engine, number: u8) -> Bytes {
    engine.read(key(number)).await.unwrap().unwrap().state
}

async fn head(engine: &Engine, number: u8) -> Bytes {
    engine.head(key(number)).await.unwrap().unwrap()
}

fn liveness(state: &Bytes, now_ms: u64) -> Liveness {
    SessionView::open(state, &DecodeLimits::default()).unwrap().liveness(now_ms)
}

/// A session with content that has just been idle for so long that no clock takes it for live.
async fn idle() -> (Node, Arc<Engine>) {
    let node = Node::new(1);
    let engine = node.open();
    agree(&engine);
    run(&engine, 1, create()).await.unwrap();
    run(&engine, 1, set("a", &"x".repeat(500))).await.unwrap();
    pass(&node, IDLE_MS + MARGIN_MS + 1);
    (node, engine)
}

#[tokio::test(start_paused = true)]
async fn the_sweep_names_what_lay_idle_and_no_more() {
    let (_, engine) = idle().await;
    run(&engine, 3, create()).await.unwrap();
    let partition = engine.partition(&key(1));
    let mut idle = engine.idle_keys();
    engine.core.sweep(partition).await.unwrap();
    assert_eq!(idle.next().await, [key(1)]);
    assert!(engine.lapse(key(1), &[]).await.unwrap());
    engine.core.sweep(partition).await.unwrap();
    let again = tokio::time::timeout(Duration::from_secs(1), idle.next()).await;
    assert!(again.is_err(), "it has lapsed: {again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lapse_drops_the_content_and_is_remembered_until_the_absolute_deadline() {
    let (node, engine) = idle().await;
    let before = held(&engine, 1).await;
    assert!(engine.lapse(key(1), &[head(&engine, 1).await]).await.unwrap());
    let after = held(&engine, 1).await;
    assert!(before.len() > 500 && after.len() < 100, "{} of {} bytes are left", after.len(), before.len());
    assert_eq!(liveness(&after, START_MS), Liveness::Expired, "by whatever clock");
    assert_eq!(engine.final_state(&key(1)), Some(before.clone()));
    assert!(!engine.lapse(key(1), &[]).await.unwrap(), "once is enough");
    assert!(matches!(run(&engine, 1, Command::Touch).await, Err(EngineError::Refused(StepError::Expired))));
    assert!(matches!(run(&engine, 1, create()).await, Err(EngineError::Refused(StepError::Revoked))));
    engine.persist().await.unwrap();
    let engine = node.crash(engine);
    agree(&engine);
    assert_eq!(held(&engine, 1).await, after, "it is on the disk");
    pass(&node, IDLE_MS + MARGIN_MS + 1);
    engine.core.sweep(engine.partition(&key(1))).await.unwrap();
    assert!(engine.read(key(1)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_used_elsewhere_goes_on() {
    let (node, engine) = idle().await;
    let other = Node::new(2);
    let peer = other.open();
    peer.apply(all_entries(&engine).await).await.unwrap();
    pass(&other, IDLE_MS - 1);
    run(&peer, 1, Command::Touch).await.unwrap();
    let used = head(&peer, 1).await;
    assert!(!engine.lapse(key(1), std::slice::from_ref(&used)).await.unwrap());
    assert_eq!(attribute(&engine, 1, "a").await.map(|value| value.len()), Some(500));
    pass(&node, IDLE_MS);
    assert!(engine.lapse(key(1), &[used]).await.unwrap(), "that use is long ago, too");
    pass(&other, IDLE_MS + MARGIN_MS);
    peer.apply(all_entries(&engine).await).await.unwrap();
    engine.apply(all_entries(&peer).await).await.unwrap();
    assert_eq!(held(&engine, 1).await, held(&peer, 1).await);
    let expires_at_ms =
        SessionView::open(&held(&peer, 1).await, &DecodeLimits::default()).unwrap().expires_at_ms();
    assert_eq!(expires_at_ms, START_MS + 2 * IDLE_MS - 1, "the last use is kept");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_certain_goes_on() {
    let (node, engine) = idle().await;
    let whole = head(&engine, 1).await;
    let mut part = Session::decode(&whole, &DecodeLimits::default()).unwrap();
    part.complete = false;
    assert!(!engine.lapse(key(1), &[part.encode()]).await.unwrap(), "a part may lack a use");
    let malformed = engine.lapse(key(1), &[Bytes::from_static(b"?")]).await;
    assert!(
        matches!(malformed, Err(EngineError::Refused(StepError::InvalidArgument { .. }))),
        "{malformed:?}"
    );
    engine.set_clock(ClockVerdict { state: ClockState::Unheard, ..ClockVerdict::default() });
    assert!(
        !engine.lapse(key(1), std::slice::from_ref(&whole)).await.unwrap(),
        "nobody has confirmed the clock"
    );
    agree(&engine);
    node.clock.0.fetch_sub(1, Ordering::Relaxed);
    assert!(!engine.lapse(key(1), &[whole]).await.unwrap(), "a node may still take it for live");
    assert!(!engine.lapse(key(9), &[]).await.unwrap());
}
