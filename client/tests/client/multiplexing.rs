//! Many calls on few streams.

use std::sync::atomic::Ordering;

use futures::future::join_all;
use sojourn_client::{Changes, Error, SessionId};

use crate::support::{Behaviour, Cluster, eventually};

#[tokio::test]
async fn many_callers_share_few_streams_and_each_gets_its_own_answer() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let client = cluster.connect(cluster.config("eu-1")).await.unwrap();
    let names: Vec<SessionId> = (0..500).map(|number| format!("session-{number}").into()).collect();
    let created = names.iter().map(|id| {
        client.create("shop").adopted_id(id).changes(Changes::new().set("me", id.reveal())).into_future()
    });
    assert!(join_all(created).await.iter().all(Result::is_ok));

    let reads = join_all(names.iter().map(|id| client.get("shop", id).into_future())).await;
    for (id, read) in names.iter().zip(reads) {
        assert_eq!(read.unwrap().session.text("me"), Some(id.reveal()));
    }
    let seen = cluster.seen("eu-1");
    assert_eq!(seen.streams.load(Ordering::SeqCst), 2, "streams_per_node");
    let messages = seen.messages.load(Ordering::SeqCst);
    assert!(messages < 200, "1000 calls must be packed together, not sent in {messages} messages");
}

#[tokio::test]
async fn a_batch_has_an_outcome_for_each_id_in_order() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let client = cluster.connect(cluster.config("eu-1")).await.unwrap();
    let first = client.create("shop").changes(Changes::new().set("n", "1")).await.unwrap().id;
    let second = client.create("shop").await.unwrap().id;
    client.revoke("shop", &second, "logout").await.unwrap();
    let results = client.batch_get("shop", &[second, "unknown".into(), first]).await.unwrap();
    assert!(matches!(results[0], Err(Error::Revoked(_))));
    assert!(matches!(results[1], Err(Error::NotFound)));
    assert_eq!(results[2].as_ref().unwrap().session.text("n"), Some("1"));
}

#[tokio::test]
async fn a_caller_that_goes_leaves_nothing_behind() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let mut config = cluster.config("eu-1");
    (config.in_flight_max, config.streams_per_node) = (2, 1);
    let client = cluster.connect(config).await.unwrap();
    let id = client.create("shop").await.unwrap().id;
    cluster.behave("eu-1", Behaviour::Silent);
    for _ in 0..10 {
        let given_up = client.get("shop", &id).timeout_ms(20).await;
        assert!(matches!(given_up, Err(Error::DeadlineExceeded)), "{given_up:?}");
    }
    cluster.behave("eu-1", Behaviour::Answer);
    assert!(client.get("shop", &id).await.is_ok(), "ten lost calls must not use up two places");
}

#[tokio::test]
async fn a_call_that_is_too_large_is_refused_alone() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let mut config = cluster.config("eu-1");
    config.call_bytes_max = 1_000;
    let client = cluster.connect(config).await.unwrap();
    let id = client.create("shop").await.unwrap().id;
    let large = client.update("shop", &id, Changes::new().set("v", "x".repeat(1_000))).await;
    let Err(Error::LimitExceeded(details)) = large else { panic!("{large:?}") };
    assert_eq!(details.metadata["limit"], "1000");
    assert!(client.get("shop", &id).await.is_ok());
}

#[tokio::test]
async fn the_last_client_closes_the_streams() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let client = cluster.connect(cluster.config("eu-1")).await.unwrap();
    client.create("shop").await.unwrap();
    let clone = client.clone();
    drop(client);
    clone.create("shop").await.unwrap();
    assert!(cluster.open_streams() > 0);
    drop(clone);
    eventually("all streams closed", || cluster.open_streams() == 0).await;
}
