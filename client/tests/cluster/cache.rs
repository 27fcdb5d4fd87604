//! The read cache of a client, and the change feed that it follows.

use std::future::Future;
use std::time::{Duration, Instant};

use sojourn_client::{Auth, Changes, Client, Error, ReadCacheConfig};

use crate::harness::{Cluster, eventually};

/// What is not told stays for so long.
const AGE_MS: u32 = 60_000;

/// Waits for something that the feed tells, which must come long before the age tells it.
async fn is_told<F: Future<Output = bool>>(what: &str, holds: impl FnMut() -> F) {
    let began = Instant::now();
    eventually(what, holds).await;
    assert!(began.elapsed() < Duration::from_millis(u64::from(AGE_MS) / 2), "the age has told it: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_region_writes_is_dropped_from_a_cache_that_follows_the_feed() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let mut config = cluster.config("eu");
    config.read_cache = Some(ReadCacheConfig::new(AGE_MS));
    let (eu, us) = (Client::connect(config).await.unwrap(), cluster.client("us").await);
    let made = eu.create("shop").changes(Changes::new().set("theme", "dark")).await.unwrap();
    let (id, token) = (made.id, made.token);
    let theme =
        || async { eu.get("shop", &id).await.map(|read| read.session.text("theme").map(str::to_owned)) };
    assert_eq!(theme().await.unwrap().as_deref(), Some("dark"));
    us.update("shop", &id, Changes::new().set("theme", "light")).after(&token).await.unwrap();
    let plain = cluster.client("eu").await;
    eventually("the other region's write is here", || async {
        plain.get("shop", &id).await.unwrap().session.text("theme") == Some("light")
    })
    .await;
    assert_eq!(theme().await.unwrap().as_deref(), Some("dark"), "the cache is late");

    let follow = eu.follow_cache("shop").await.unwrap();
    assert_eq!(theme().await.unwrap().as_deref(), Some("light"), "it begins anew");
    us.update("shop", &id, Changes::new().set("theme", "blue")).await.unwrap();
    is_told("a change", || async { theme().await.unwrap().as_deref() == Some("blue") }).await;
    us.revoke("shop", &id, "logout").await.unwrap();
    is_told("a logout", || async { matches!(theme().await, Err(Error::Revoked(_))) }).await;
    drop(follow);
    let refused = cluster.client("eu").await.follow_cache("shop").await.unwrap_err();
    assert!(refused.to_string().contains("read_cache"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_everywhere_in_another_region_reaches_a_cache_that_follows_the_feed() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let mut config = cluster.config("eu");
    config.read_cache = Some(ReadCacheConfig::new(AGE_MS));
    let (eu, us) = (Client::connect(config).await.unwrap(), cluster.client("us").await);
    let login = |principal: &str| eu.create("shop").changes(Changes::new().auth(Auth::new(principal)));
    let (ada, bob) = (login("ada").await.unwrap().id, login("bob").await.unwrap().id);
    let _follow = eu.follow_cache("shop").await.unwrap();
    for id in [&ada, &bob] {
        eu.get("shop", id).await.unwrap();
    }
    us.end_all_sessions("shop", "ada").await.unwrap();
    is_told("the logout", || async { matches!(eu.get("shop", &ada).await, Err(Error::Revoked(_))) }).await;
    assert!(eu.get("shop", &bob).await.is_ok());
}
