//! Real links over loopback; the engine is a map in memory.

mod cluster;
mod engines;
mod memory;

use std::time::Duration;

use bytes::Bytes;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{Consistency, TouchRequest};

use self::cluster::{Cluster, eventually};
use self::memory::key;
use crate::replication::ForwardError;
use crate::session::{Dot, Partition, ReplicaId};

const SECOND: Duration = Duration::from_secs(10);

#[tokio::test]
async fn writes_reach_every_node_and_are_confirmed() {
    let cluster = Cluster::start(&["eu", "eu", "us", "us"]).await;
    cluster.linked().await;
    let mut dots = Vec::new();
    for node in &cluster.nodes {
        for number in 0..100 {
            dots.push((node, node.memory.write(key(number % 4), b"fragment", true)));
        }
    }
    for (node, (partition, seq)) in &dots {
        let dot = Dot { origin: node.memory.me, seq: *seq };
        node.replication.wait_acks(*partition, dot, Consistency::All, SECOND).await.unwrap();
    }
    assert!(cluster.nodes.iter().all(|node| node.memory.entries() == 400));
    let (here, wan) = (&cluster.nodes[0], cluster.nodes[0].replication.wan_sent_bytes_total());
    assert!(wan > 0);
    let quiet = || here.replication.peers().iter().all(|peer| peer.connected && peer.lag_entries == 0);
    eventually("nothing is under way", quiet).await;
}

#[tokio::test]
async fn a_dead_region_is_named_in_the_shortfall() {
    let cluster = Cluster::start(&["eu", "eu", "us"]).await;
    cluster.linked().await;
    cluster.nodes[2].stop();
    let (partition, seq) = cluster.nodes[0].memory.write(key(1), b"fragment", true);
    let dot = Dot { origin: cluster.nodes[0].memory.me, seq };
    let wait =
        |level, ms| cluster.nodes[0].replication.wait_acks(partition, dot, level, Duration::from_millis(ms));
    wait(Consistency::LocalQuorum, 10_000).await.unwrap();
    let shortfall = wait(Consistency::EachQuorum, 200).await.unwrap_err();
    assert_eq!(shortfall.missing, [("us".to_owned(), 1)].into());
    assert_eq!(shortfall.reached["eu"], 2);
}

#[tokio::test]
async fn a_late_node_is_fed_from_the_log_and_by_transfer() {
    let mut cluster = Cluster::start(&["eu", "eu", "eu"]).await;
    for number in 0..200 {
        cluster.nodes[0].memory.write(key(number % 2), b"from the log", false);
    }
    cluster.nodes[0].memory.truncate(Partition(1));
    cluster.nodes[0].memory.put_state(key(1), b"full state");
    cluster.restart(1).await;
    let late = &cluster.nodes[1].memory;
    let first = &cluster.nodes[0].memory;
    let same =
        || (0..2).all(|number| late.vector_of(Partition(number)) == first.vector_of(Partition(number)));
    eventually("the vectors are equal", same).await;
    assert_eq!(late.state(key(1)), Some(Bytes::from_static(b"full state")));
}

#[tokio::test]
async fn records_are_fetched_and_partial_ones_completed() {
    let cluster = Cluster::start(&["eu", "eu", "us"]).await;
    cluster.linked().await;
    let state = Bytes::from_static(b"full state");
    cluster.nodes[2].memory.put_state(key(3), &state);
    let here = &cluster.nodes[0];
    let fetched = here.replication.fetch(key(3), Consistency::All, SECOND).await.unwrap();
    assert_eq!(fetched.len(), 2);
    let from = |replica| fetched.iter().find(|fetched| fetched.replica == ReplicaId(replica)).unwrap();
    assert_eq!((&from(3).state, &from(2).state), (&Some(state.clone()), &None));
    here.memory.report_partial(key(3));
    eventually("the partial record is complete", || here.memory.state(key(3)) == Some(state.clone())).await;
    cluster.nodes[1].stop();
    let shortfall = here.replication.fetch(key(3), Consistency::LocalQuorum, SECOND).await.unwrap_err();
    assert_eq!(shortfall.missing, [("eu".to_owned(), 1)].into());
}

#[tokio::test]
async fn calls_are_passed_on_and_a_dead_node_says_so_at_once() {
    let cluster = Cluster::start(&["eu", "us"]).await;
    cluster.linked().await;
    let call = |session_id: &str| {
        Call::Touch(TouchRequest { session_id: session_id.into(), ..TouchRequest::default() })
    };
    let here = &cluster.nodes[0].replication;
    let calls = (0..500).map(|number| async move {
        let id = "x".repeat(number);
        match here.forward(ReplicaId(2), call(&id), SECOND).await.unwrap() {
            Reply::Touch(reply) => assert_eq!(reply.expires_at_ms, number as u64),
            _ => panic!("another kind of reply"),
        }
    });
    futures::future::join_all(calls).await;
    cluster.nodes[1].stop();
    eventually("the link is closed", || !here.peers()[0].connected).await;
    let refused = here.forward(ReplicaId(2), call(""), SECOND).await;
    assert_eq!(refused, Err(ForwardError::Unreachable(ReplicaId(2))));
}
