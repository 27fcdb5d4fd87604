//! Answers and errors as an application sees them.

use sojourn_client::{Changes, Consistency, Error};
use sojourn_proto::session::v1::{self, pipeline_call::Call};

use crate::support::Cluster;

#[tokio::test]
async fn the_life_of_a_session() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let client = cluster.connect(cluster.config("eu-1")).await.unwrap();
    assert_eq!(client.region(), "eu", "learned from the node");
    let created = client.create("shop").changes(Changes::new().set("theme", "dark")).await.unwrap();
    assert_eq!(created.session.text("theme"), Some("dark"));

    let changes = Changes::new().remove("theme").set("cart", "tea").add("visits", 2).add("visits", -1);
    let updated = client.update("shop", &created.id, changes).touch().await.unwrap();
    let read = client.get("shop", &created.id).after(&updated.token).await.unwrap();
    assert_eq!(read.session.text("theme"), None);
    assert_eq!((read.session.text("cart"), read.session.counter("visits")), (Some("tea"), 1));

    client.touch("shop", &created.id).await.unwrap();
    assert_eq!(client.revoke("shop", &created.id, "logout").await.unwrap().reason, "logout");
    let late = client.update("shop", &created.id, Changes::new().set("cart", "milk")).await.unwrap_err();
    assert!(matches!(late, Error::Revoked(_)) && late.is_gone());
    assert_eq!(late.reason(), "SESSION_REVOKED");
}

#[tokio::test]
async fn settings_travel_with_the_call() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let client = cluster.connect(cluster.config("eu-1")).await.unwrap();
    let created = client.create("shop").idempotency_key("mine").await.unwrap();
    let read = client.get("shop", &created.id).consistency(Consistency::LocalQuorum).after(&created.token);
    read.await.unwrap();
    let calls = cluster.calls("eu-1");
    let [Call::Create(create), Call::Get(get)] = calls.as_slice() else { panic!("{}", calls.len()) };
    assert_eq!(create.options.as_ref().unwrap().idempotency_key, "mine");
    let options = get.options.as_ref().unwrap();
    assert_eq!(options.consistency(), v1::Consistency::LocalQuorum);
    assert_eq!(options.causal_token, "t");
}

#[tokio::test]
async fn the_cluster_tells_about_itself() {
    let cluster = Cluster::start(&[("eu", "eu-1"), ("us", "us-1")]);
    let client = cluster.connect(cluster.config("eu-1")).await.unwrap();
    let names: Vec<String> = client.members().await.unwrap().members.into_iter().map(|m| m.name).collect();
    assert_eq!(names, ["eu-1", "us-1"]);
    assert_eq!(client.layout().await.unwrap().partition_count, 4);
    assert_eq!(client.status("us-1:1", false).await.unwrap().node.unwrap().name, "us-1");
    cluster.kill("us-1");
    let gone = client.status("us-1:1", false).await;
    assert!(matches!(gone, Err(Error::Unavailable(_))), "{gone:?}");
}
