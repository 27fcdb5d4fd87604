//! Sessions that lay idle give their space back long before their absolute deadline.

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
