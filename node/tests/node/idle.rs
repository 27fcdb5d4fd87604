//! Sessions that lay idle give their space back long before their absolute deadline, and
//! tombstones soon after it.

use sojourn_proto::feed::v1 as feed;
use sojourn_proto::feed::v1::explain_service_client::ExplainServiceClient;
use sojourn_proto::session::v1 as pb;
use tonic::Code;

use crate::support::nodes::{TestNode, World, assert_refused, end_equal, set, start_all, text, until};

/// Records are looked at all the time, and go as soon as clocks allow.
const EAGER: &str = "[engine]\nsweep_interval_ms = 200\nremoval_margin_ms = 100\n";
const REGIONS: &[(&str, &str)] = &[("eu", "eu-1"), ("us", "us-1"), ("ap", "ap-1")];
const ATTRIBUTE_BYTES: usize = 10_000;
const SESSIONS: usize = 20;

async fn create(node: &TestNode, idle_timeout_ms: u64) -> String {
    let request = pb::CreateRequest { namespace: "shop".into(), idle_timeout_ms, ..Default::default() };
    let id = node.sessions().create(request).await.unwrap().into_inner().session_id;
    node.update(set(&id, "a", text(&"x".repeat(ATTRIBUTE_BYTES)))).await.unwrap();
    id
}

async fn kinds(node: &TestNode, id: &str) -> Vec<feed::WriteKind> {
    let request = feed::ExplainRequest { namespace: "shop".into(), session_id: id.into() };
    let explained = ExplainServiceClient::new(node.channel.clone()).explain(request).await.unwrap();
    explained.into_inner().writes.iter().map(feed::KnownWrite::kind).collect()
}

async fn resident_bytes(node: &TestNode) -> u64 {
    node.status().await.unwrap().resident_bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lay_idle_gives_its_space_back_and_is_told_as_expired() {
    let world = World::new(REGIONS);
    let nodes = start_all(&world, 3, EAGER).await;
    let mut idle = Vec::new();
    for number in 0..SESSIONS {
        idle.push(create(&nodes[number % 3], 1_000).await);
    }
    let used = create(&nodes[0], 3_600_000).await;
    for node in &nodes {
        until("everything is there", || async {
            resident_bytes(node).await as usize > SESSIONS * ATTRIBUTE_BYTES
        })
        .await;
    }
    for node in &nodes {
        until("space is given back", || async {
            (resident_bytes(node).await as usize) < SESSIONS * ATTRIBUTE_BYTES / 5
        })
        .await;
        for id in &idle {
            assert_refused(node.get(id).await, Code::NotFound, "SESSION_NOT_FOUND");
            let late = node.update(set(id, "b", text("c"))).await;
            assert_refused(late, Code::NotFound, "SESSION_NOT_FOUND");
        }
        assert_eq!(node.get(&used).await.unwrap().attributes["a"], text(&"x".repeat(ATTRIBUTE_BYTES)));
        let has_lapsed = || async { kinds(node, &idle[0]).await.contains(&feed::WriteKind::Lapse) };
        until("the last of them has lapsed", has_lapsed).await;
    }
    end_equal(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_up_while_a_region_cannot_be_asked() {
    let world = World::new(REGIONS);
    let mut nodes = start_all(&world, 3, EAGER).await;
    let id = create(&nodes[0], 1_000).await;
    until("it is everywhere", || async { nodes[2].get(&id).await.is_ok() }).await;
    nodes.pop().unwrap().stop().await;
    for node in &nodes {
        until("expired", || async { node.get(&id).await.is_err() }).await;
    }
    // It is looked at several times while another one comes and goes.
    let other = create(&nodes[1], 1_000).await;
    until("expired", || async { nodes[0].get(&other).await.is_err() }).await;
    assert!(!kinds(&nodes[0], &id).await.contains(&feed::WriteKind::Lapse));
    nodes.push(world.start(2, EAGER).await);
    until("it has lapsed", || async { kinds(&nodes[0], &id).await.contains(&feed::WriteKind::Lapse) }).await;
    for node in nodes {
        node.stop().await;
    }
}

async fn records(node: &TestNode) -> u64 {
    node.status().await.unwrap().digests.iter().map(|digest| digest.records).sum()
}

/// Pain 9 of users of other stores: tombstones that grow until the process dies.
#[tokio::test(flavor = "multi_thread")]
async fn pain_9_tombstones_of_every_region_go_when_nothing_can_need_them_any_more() {
    let world = World::new(REGIONS);
    let nodes = start_all(&world, 3, EAGER).await;
    for _ in 0..3 {
        let mut revoked = Vec::new();
        for number in 0..SESSIONS {
            let (maker, ender) = (&nodes[number % 3], &nodes[(number + 1) % 3]);
            let request = pb::CreateRequest {
                namespace: "shop".into(),
                absolute_timeout_ms: 4_000,
                ..Default::default()
            };
            let made = maker.sessions().create(request).await.unwrap().into_inner();
            let session_id = made.session_id;
            let options = pb::WriteOptions { causal_token: made.causal_token, ..Default::default() };
            let revoke = pb::RevokeRequest {
                namespace: "shop".into(),
                session_id: session_id.clone(),
                reason: "logout".into(),
                options: Some(options),
                ..Default::default()
            };
            ender.sessions().revoke(revoke).await.unwrap();
            revoked.push(session_id);
        }
        assert!(records(&nodes[1]).await > 0, "the end of a session is remembered");
        for node in &nodes {
            until("no tombstone is left", || async { records(node).await == 0 }).await;
            until("their space is given back", || async { resident_bytes(node).await == 0 }).await;
            for id in &revoked {
                assert_refused(node.get(id).await, Code::NotFound, "SESSION_NOT_FOUND");
            }
        }
    }
    end_equal(nodes).await;
}
