//! Real nodes of several regions: what is written in one is read in another.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::support::nodes::{World, assert_refused, end_equal, set, start_all, text, until};
use sojourn_node::env::{Clock, Environment, SystemClock};
use sojourn_proto::session::v1 as pb;
use tonic::Code;

fn read(id: &str, consistency: pb::Consistency, causal_token: prost::bytes::Bytes) -> pb::GetRequest {
    let options = pb::ReadOptions { consistency: consistency.into(), causal_token, ..Default::default() };
    pb::GetRequest { namespace: "shop".into(), session_id: id.into(), options: Some(options) }
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_share_sessions_and_revocations() {
    let world = World::new(&[("eu", "eu-1"), ("us", "us-1"), ("ap", "ap-1")]);
    let nodes = start_all(&world, 3, "").await;
    let made = nodes[0].create().await;
    let id = made.session_id.as_str();
    for node in &nodes {
        let seen = read(id, pb::Consistency::LocalOne, made.causal_token.clone());
        assert_eq!(node.sessions().get(seen).await.unwrap().into_inner().session, made.session);
    }
    for (node, name) in nodes.iter().zip(["one", "two", "three"]) {
        node.update(set(id, name, text(name))).await.unwrap();
    }
    for node in &nodes {
        until("merged", || async { node.get(id).await.unwrap().attributes.len() == 3 }).await;
    }
    let options = pb::WriteOptions { consistency: pb::Consistency::All.into(), ..Default::default() };
    let revoke = pb::RevokeRequest {
        namespace: "shop".into(),
        session_id: id.into(),
        reason: "logout".into(),
        options: Some(options),
        wait: None,
    };
    nodes[1].sessions().revoke(revoke.clone()).await.unwrap();
    for node in &nodes {
        assert_refused(node.get(id).await, Code::FailedPrecondition, "SESSION_REVOKED");
        // Nothing changes any more, and still every replica is asked.
        node.sessions().revoke(revoke.clone()).await.unwrap();
    }
    end_equal(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_node_takes_any_call_and_passes_it_on() {
    let world = World::new(&[("eu", "eu-1"), ("eu", "eu-2"), ("eu", "eu-3")]);
    let nodes = start_all(&world, 3, "[membership]\nreplicas_per_region = 1\n").await;
    for _ in 0..4 {
        let made = nodes[0].create().await;
        let id = made.session_id.as_str();
        for node in &nodes {
            assert_eq!(Some(node.get(id).await.unwrap()), made.session);
        }
        nodes[1].update(set(id, "a", text("b"))).await.unwrap();
        assert_eq!(nodes[2].get(id).await.unwrap().attributes["a"], text("b"));
        let batch = pb::BatchGetRequest {
            namespace: "shop".into(),
            session_ids: vec![id.into(), "unknown".into()],
            options: None,
        };
        let results = nodes[2].sessions().batch_get(batch).await.unwrap().into_inner().results;
        assert!(matches!(results[0].outcome, Some(pb::batch_get_result::Outcome::Found(_))));
    }
    for node in &nodes {
        assert_refused(node.get("unknown").await, Code::NotFound, "SESSION_NOT_FOUND");
    }
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_cannot_be_reached_says_that_the_write_is_applied() {
    let world = World::new(&[("eu", "eu-1"), ("us", "us-1")]);
    let mut nodes = start_all(&world, 2, "").await;
    let id = nodes[0].create().await.session_id;
    let all = || pb::WriteOptions { consistency: pb::Consistency::All.into(), ..Default::default() };
    let mut update = set(&id, "a", text("b"));
    update.options = Some(all());
    nodes[0].update(update.clone()).await.unwrap();
    nodes.pop().unwrap().stop().await;
    update.changes = set(&id, "a", text("c")).changes;
    let mut request = tonic::Request::new(update);
    request.set_timeout(std::time::Duration::from_millis(500));
    let outcome = nodes[0].sessions().update(request).await;
    assert_refused(outcome, Code::DeadlineExceeded, "CONSISTENCY_NOT_REACHED");
    assert_eq!(nodes[0].get(&id).await.unwrap().attributes["a"], text("c"));
    let mut request = tonic::Request::new(read(&id, pb::Consistency::All, Default::default()));
    request.set_timeout(std::time::Duration::from_millis(500));
    let outcome = nodes[0].sessions().get(request).await;
    assert_refused(outcome, Code::Unavailable, "READ_CONSISTENCY_NOT_REACHED");
    for node in nodes {
        node.stop().await;
    }
}

/// The system's clock, but its wall time may be put forward or back.
struct SteppedClock {
    system: SystemClock,
    step_ms: AtomicI64,
}

impl Clock for SteppedClock {
    fn wall_ms(&self) -> u64 {
        self.system.wall_ms().saturating_add_signed(self.step_ms.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.system.monotonic()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_clock_jumps_refuses_until_it_is_right_again() {
    let world = World::new(&[("eu", "eu-1"), ("us", "us-1"), ("ap", "ap-1")]);
    let clock = Arc::new(SteppedClock { system: SystemClock::new(), step_ms: AtomicI64::new(0) });
    let env = Environment { clock: clock.clone(), ..Environment::real() };
    let node = world.start_in(env, 0, "").await;
    let others = [world.start(1, "").await, world.start(2, "").await];
    let id = node.create().await.session_id;
    until("compared with both", || async {
        let peers = node.status().await.unwrap().peers;
        peers.len() == 2 && peers.iter().all(|peer| peer.round_trip_us > 0)
    })
    .await;

    clock.step_ms.store(6 * 3_600_000, Ordering::Relaxed);
    assert_refused(node.get(&id).await, Code::Unavailable, "NOT_READY");
    assert_refused(node.update(set(&id, "a", text("b"))).await, Code::Unavailable, "NOT_READY");
    until("unready", || async {
        let status = node.status().await.unwrap();
        !status.ready && status.clock_offset_ms > 21_000_000 && status.not_ready_reasons[0].contains("clock")
    })
    .await;
    for other in &others {
        assert!(other.status().await.unwrap().ready);
        other.get(&id).await.unwrap();
    }
    clock.step_ms.store(0, Ordering::Relaxed);
    until("ready again", || async { node.status().await.unwrap().ready }).await;
    node.update(set(&id, "a", text("b"))).await.unwrap();
    node.stop().await;
    for other in others {
        other.stop().await;
    }
}
