//! Which node is asked, and what happens when it fails.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sojourn_client::{Changes, Client, Error, SessionId};
use sojourn_proto::session::v1::pipeline_call::Call;

use crate::support::{Behaviour, Cluster, NodeAt};

const NODES: [NodeAt; 3] = [("us", "us-1"), ("eu", "eu-1"), ("eu", "eu-2")];

async fn start() -> (Cluster, Client, SessionId) {
    let cluster = Cluster::start(&NODES);
    let client = cluster.connect(cluster.config("us-1").region("eu")).await.unwrap();
    let id = SessionId::new("one");
    client.create("shop").adopted_id(&id).changes(Changes::new().set("k", "v")).await.unwrap();
    (cluster, client, id)
}

fn updates(cluster: &Cluster, name: &str) -> Vec<bytes::Bytes> {
    let calls = cluster.calls(name).into_iter();
    calls
        .filter_map(|call| match call {
            Call::Update(update) => Some(update.options.unwrap().idempotency_key),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn the_own_regions_first_replica_is_asked() {
    let (cluster, client, id) = start().await;
    for _ in 0..10 {
        client.get("shop", &id).await.unwrap();
    }
    assert_eq!(cluster.calls("eu-1").len(), 11);
    assert!(cluster.calls("eu-2").is_empty() && cluster.calls("us-1").is_empty());
}

#[tokio::test]
async fn a_call_falls_over_to_the_next_node_and_then_to_another_region() {
    let (cluster, client, id) = start().await;
    cluster.kill("eu-1");
    assert_eq!(client.get("shop", &id).await.unwrap().session.text("k"), Some("v"));
    assert!(!cluster.calls("eu-2").is_empty(), "the own region comes first");
    assert!(cluster.calls("us-1").is_empty());
    cluster.kill("eu-2");
    assert_eq!(client.get("shop", &id).await.unwrap().session.text("k"), Some("v"));
    assert!(!cluster.calls("us-1").is_empty());
    cluster.kill("us-1");
    let lost = client.get("shop", &id).timeout_ms(300).await;
    assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
}

#[tokio::test]
async fn a_node_that_failed_is_left_alone_for_a_while() {
    let (cluster, client, id) = start().await;
    cluster.behave("eu-1", Behaviour::NotReady);
    let before = cluster.calls("eu-1").len();
    for _ in 0..20 {
        client.get("shop", &id).await.unwrap();
    }
    let asked = cluster.calls("eu-1").len() - before;
    assert!(asked <= 3, "asked {asked} times in spite of its errors");
}

#[tokio::test]
async fn a_silent_node_costs_one_attempt_not_the_call() {
    let (cluster, client, id) = start().await;
    cluster.behave("eu-1", Behaviour::Silent);
    assert!(client.get("shop", &id).await.is_ok());
    assert!(!cluster.calls("eu-2").is_empty());
}

#[tokio::test]
async fn nobody_answers_in_time() {
    let (cluster, client, id) = start().await;
    NODES.iter().for_each(|(_, name)| cluster.behave(name, Behaviour::Silent));
    let late = client.get("shop", &id).timeout_ms(150).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded)), "{late:?}");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_repeated_at_the_same_node_under_one_key() {
    let (cluster, client, id) = start().await;
    cluster.behave("eu-1", Behaviour::BreakOnce);
    client.update("shop", &id, Changes::new().add("visits", 1)).await.unwrap();
    let keys = updates(&cluster, "eu-1");
    assert_eq!(keys.len(), 2);
    assert_eq!((keys[0].len(), &keys[0]), (16, &keys[1]));
    assert!(updates(&cluster, "eu-2").is_empty() && updates(&cluster, "us-1").is_empty());
    client.update("shop", &id, Changes::new().add("visits", 1)).await.unwrap();
    assert_ne!(updates(&cluster, "eu-1")[2], keys[0], "another write has another key");
}

#[tokio::test]
async fn a_write_that_may_have_happened_is_never_repeated_elsewhere() {
    let (cluster, client, id) = start().await;
    cluster.behave("eu-1", Behaviour::Silent);
    let update = client.update("shop", &id, Changes::new().add("visits", 1)).timeout_ms(500).await;
    assert!(matches!(update, Err(Error::DeadlineExceeded)), "{update:?}");
    assert!(updates(&cluster, "eu-2").is_empty() && updates(&cluster, "us-1").is_empty());
    // What a node says it did not do may be done by another.
    cluster.behave("eu-1", Behaviour::NotReady);
    client.update("shop", &id, Changes::new().add("visits", 1)).await.unwrap();
}

#[tokio::test]
async fn a_later_refusal_does_not_hide_that_a_write_may_have_happened() {
    let (cluster, client, id) = start().await;
    cluster.behave("eu-1", Behaviour::BreakThenNotReady);
    let update = client.update("shop", &id, Changes::new().add("visits", 1)).await.unwrap_err();
    assert!(updates(&cluster, "eu-1").len() > 1, "it was tried again");
    assert_ne!(update.reason(), "NOT_READY", "which would say that nothing was changed");
}

#[tokio::test]
async fn the_layout_is_followed_from_elsewhere_once_the_own_region_is_gone() {
    let (cluster, client, _) = start().await;
    let watches = |name| cluster.seen(name).layout_watches.load(Ordering::SeqCst);
    let until = async |followed: &dyn Fn() -> bool| {
        while !followed() {
            tokio::task::yield_now().await;
        }
    };
    let limit = Duration::from_secs(10);
    tokio::time::timeout(limit, until(&|| watches("eu-1") + watches("eu-2") > 0)).await.unwrap();
    cluster.kill("eu-1");
    cluster.kill("eu-2");
    // No call is made that would find out that they are gone.
    tokio::time::timeout(limit, until(&|| watches("us-1") > 0)).await.unwrap();
    drop(client);
}

#[tokio::test]
async fn a_new_layout_is_followed() {
    let (cluster, client, id) = start().await;
    cluster.publish(2, &["us-1", "eu-2"]);
    let followed = async {
        while cluster.calls("eu-2").is_empty() {
            client.get("shop", &id).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), followed).await.unwrap();
    let before = cluster.calls("eu-1").len();
    client.get("shop", &id).await.unwrap();
    assert_eq!(cluster.calls("eu-1").len(), before);
}
