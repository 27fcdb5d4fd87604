//! The cache of reads.

use std::time::Duration;

use sojourn_client::{Changes, Client, Consistency, Error, ReadCacheConfig, SessionId};
use sojourn_proto::session::v1::pipeline_call::Call;

use crate::support::Cluster;

async fn start(cache: Option<ReadCacheConfig>) -> (Cluster, Client, SessionId) {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let mut config = cluster.config("eu-1");
    (config.read_cache, config.attempt_timeout_ms) = (cache, config.request_timeout_ms);
    let client = cluster.connect(config).await.unwrap();
    let id = client.create("shop").changes(Changes::new().set("theme", "dark")).await.unwrap().id;
    (cluster, client, id)
}

fn reads(cluster: &Cluster) -> usize {
    cluster.calls("eu-1").iter().filter(|call| matches!(call, Call::Get(_))).count()
}

async fn theme(client: &Client, id: &SessionId) -> Option<String> {
    client.get("shop", id).await.unwrap().session.text("theme").map(str::to_owned)
}

#[tokio::test]
async fn it_is_off_unless_asked_for() {
    let (cluster, client, id) = start(None).await;
    theme(&client, &id).await;
    theme(&client, &id).await;
    assert_eq!(reads(&cluster), 2);
}

#[tokio::test]
async fn a_read_is_served_again_until_it_is_too_old() {
    let (cluster, client, id) = start(Some(ReadCacheConfig::new(5_000))).await;
    let other = cluster.connect(cluster.config("eu-1")).await.unwrap();
    assert_eq!(theme(&client, &id).await.as_deref(), Some("dark"));
    other.update("shop", &id, Changes::new().set("theme", "light")).await.unwrap();
    assert_eq!(theme(&client, &id).await.as_deref(), Some("dark"), "late, as was asked for");
    assert_eq!(reads(&cluster), 1);
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(5_001)).await;
    tokio::time::resume();
    assert_eq!(theme(&client, &id).await.as_deref(), Some("light"));
}

#[tokio::test]
async fn own_writes_are_seen_at_once() {
    let (_cluster, client, id) = start(Some(ReadCacheConfig::new(60_000))).await;
    theme(&client, &id).await;
    client.update("shop", &id, Changes::new().set("theme", "light")).await.unwrap();
    assert_eq!(theme(&client, &id).await.as_deref(), Some("light"));
    client.revoke("shop", &id, "logout").await.unwrap();
    assert!(matches!(client.get("shop", &id).await, Err(Error::Revoked(_))));
}

#[tokio::test]
async fn a_logout_elsewhere_is_late_by_the_age_at_most() {
    let (cluster, client, id) = start(Some(ReadCacheConfig::new(5_000))).await;
    let other = cluster.connect(cluster.config("eu-1")).await.unwrap();
    theme(&client, &id).await;
    other.revoke("shop", &id, "logout").await.unwrap();
    assert_eq!(theme(&client, &id).await.as_deref(), Some("dark"));
    let written = client.update("shop", &id, Changes::new().set("theme", "light")).await;
    assert!(matches!(written, Err(Error::Revoked(_))), "no write is answered from a cache");
    assert!(matches!(client.get("shop", &id).await, Err(Error::Revoked(_))), "and it is known now");
}

#[tokio::test]
async fn a_read_that_asks_for_more_goes_to_a_node() {
    let (cluster, client, id) = start(Some(ReadCacheConfig::new(60_000))).await;
    theme(&client, &id).await;
    client.get("shop", &id).consistency(Consistency::LocalQuorum).await.unwrap();
    assert_eq!(reads(&cluster), 2);
    let newer = sojourn_client::CausalToken::from_bytes("newer");
    client.get("shop", &id).after(&newer).await.unwrap();
    assert_eq!(reads(&cluster), 3);
    client.get("shop", &id).after(&newer).await.unwrap();
    assert_eq!(reads(&cluster), 3, "it has been seen by now");
    client.get("other", &id).await.unwrap();
    assert_eq!(reads(&cluster), 4, "another namespace is another session");
}

#[tokio::test]
async fn limits_are_checked() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let good = ReadCacheConfig::new(1_000);
    for cache in [
        ReadCacheConfig { age_max_ms: 0, ..good.clone() },
        ReadCacheConfig { age_max_ms: 60_001, ..good.clone() },
        ReadCacheConfig { entries_max: 0, ..good.clone() },
        ReadCacheConfig { bytes_max: 0, ..good.clone() },
    ] {
        let mut config = cluster.config("eu-1");
        config.read_cache = Some(cache);
        assert!(matches!(config.validate(), Err(sojourn_client::ConfigError::Invalid { .. })));
    }
}
