//! Compare and set: what it promises at one replica, and what it does not between two.

use sojourn_client::{Changes, Client, Error, SessionId};

use crate::harness::{Cluster, eventually};

const CALLERS: usize = 8;
const ROUNDS: usize = 10;

async fn tickets(client: &Client, id: &SessionId) -> usize {
    client.get("shop", id).await.unwrap().session.text("tickets").unwrap().parse().unwrap()
}

/// Takes one ticket, whoever else does at the same time.
async fn take(client: &Client, id: &SessionId) {
    loop {
        let held = tickets(client, id).await;
        let changes = Changes::new().set("tickets", (held - 1).to_string());
        match client.update("shop", id, changes).expect_here("tickets", held.to_string()).await {
            Ok(_) => return,
            Err(Error::NotAsExpected(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_callers_at_one_replica_each_takes_another_ticket() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let client = cluster.client("eu").await;
    let all = CALLERS * ROUNDS;
    let created =
        client.create("shop").changes(Changes::new().set("tickets", all.to_string())).await.unwrap();
    let callers = (0..CALLERS).map(|_| async {
        for _ in 0..ROUNDS {
            take(&client, &created.id).await;
        }
    });
    futures::future::join_all(callers).await;
    assert_eq!(tickets(&client, &created.id).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_regions_that_are_cut_may_both_succeed_and_one_write_holds() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let created = eu.create("shop").await.unwrap();
    us.get("shop", &created.id).after(&created.token).await.unwrap();
    cluster.isolate("eu");
    for (client, seat) in [(&eu, "window"), (&us, "aisle")] {
        let changes = Changes::new().set("seat", seat);
        client.update("shop", &created.id, changes.clone()).expect_absent_here("seat").await.unwrap();
        let again = client.update("shop", &created.id, changes).expect_absent_here("seat").await;
        assert!(matches!(again, Err(Error::NotAsExpected(_))), "{again:?}");
    }
    cluster.heal();
    eventually("digests agree", || async { cluster.digests_agree() }).await;
    for client in [&eu, &us, &cluster.client("ap").await] {
        let seat = client.get("shop", &created.id).await.unwrap().session.text("seat").map(str::to_owned);
        assert_eq!(seat.as_deref(), Some("aisle"), "the later one");
    }
}
