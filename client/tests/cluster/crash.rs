//! What a cluster does when nodes are killed. What a killed node keeps is tested
//! beside it, in `node/tests/node/kill`.

use sojourn_client::{Changes, Durability};

use crate::harness::{Cluster, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_counts_its_starts_and_meets_its_peers_again() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let client = cluster.client("eu").await;
    let created = client.create("shop").changes(Changes::new().add("n", 1)).await.unwrap();
    let address = cluster.addresses("ap")[0].clone();
    let before = client.status(&address, false).await.unwrap().incarnation;

    cluster.command(&["node", "kill", "ap-1"]);
    for _ in 0..10 {
        client.update("shop", &created.id, Changes::new().add("n", 1)).await.unwrap();
    }
    cluster.command(&["node", "restart", "ap-1"]);

    eventually("digests agree", || async { cluster.digests_agree() }).await;
    let after = client.status(&address, false).await.unwrap().incarnation;
    assert!(after > before, "incarnation {after} after {before}");
    assert_eq!(client.get("shop", &created.id).await.unwrap().session.counter("n"), 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_go_on_without_a_raft_leader() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let client = cluster.client("ap").await;
    let voters =
        || async { client.members().await.unwrap().members.iter().filter(|member| member.voter).count() };
    eventually("all three vote", || async { voters().await == 3 }).await;
    // The first node founded the cluster and leads it.
    let address = cluster.addresses("ap")[0].clone();
    let created = client.create("shop").await.unwrap();
    for node in ["eu-1", "us-1"] {
        cluster.command(&["node", "kill", node]);
    }

    let no_leader = || async { client.status(&address, false).await.unwrap().raft_leader == 0 };
    eventually("no leader is known", no_leader).await;
    let update = client.update("shop", &created.id, Changes::new().set("a", "1"));
    update.durability(Durability::Synced).await.unwrap();
    assert_eq!(client.get("shop", &created.id).await.unwrap().session.text("a"), Some("1"));
    client.create("shop").await.unwrap();
    client.revoke("shop", &created.id, "logout").await.unwrap();
}
