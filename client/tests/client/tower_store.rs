//! The store for `tower-sessions`.

use serde_json::json;
use sojourn_client::{Client, SojournStore};
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, Session, SessionStore};

use crate::support::Cluster;

async fn start() -> (Cluster, Client, SojournStore) {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let client = cluster.connect(cluster.config("eu-1")).await.unwrap();
    let store = SojournStore::new(client.clone(), "shop");
    (cluster, client, store)
}

async fn created(store: &SojournStore) -> Record {
    let expiry_date = OffsetDateTime::now_utc() + Duration::hours(1);
    let mut record = Record { id: Id::default(), data: [("cart".to_owned(), json!(1))].into(), expiry_date };
    store.create(&mut record).await.unwrap();
    record
}

#[tokio::test]
async fn what_is_saved_is_loaded() {
    let (_cluster, _client, store) = start().await;
    let record = created(&store).await;
    let mut loaded = store.load(&record.id).await.unwrap().unwrap();
    assert_eq!(loaded.data["cart"], json!(1));
    loaded.data.insert("user".into(), json!("ada"));
    store.save(&loaded).await.unwrap();
    assert_eq!(store.load(&record.id).await.unwrap().unwrap().data["user"], json!("ada"));
    assert!(store.load(&Id::default()).await.unwrap().is_none(), "unknown");
}

#[tokio::test]
async fn requests_at_the_same_time_keep_each_others_fields() {
    let (_cluster, _client, store) = start().await;
    let id = created(&store).await.id;
    let mut one = store.load(&id).await.unwrap().unwrap();
    let mut other = store.load(&id).await.unwrap().unwrap();
    one.data.insert("theme".into(), json!("dark"));
    other.data.remove("cart");
    store.save(&one).await.unwrap();
    store.save(&other).await.unwrap();
    let merged = store.load(&id).await.unwrap().unwrap();
    assert_eq!(merged.data.get("theme"), Some(&json!("dark")));
    assert_eq!(merged.data.get("cart"), None);
}

#[tokio::test]
async fn a_save_never_brings_a_session_back() {
    let (_cluster, _client, store) = start().await;
    let mut record = created(&store).await;
    store.delete(&record.id).await.unwrap();
    store.delete(&record.id).await.unwrap();
    record.data.insert("user".into(), json!("eve"));
    assert!(store.save(&record).await.is_err());
    assert!(store.load(&record.id).await.unwrap().is_none());
    let never = Record { id: Id::default(), ..record };
    assert!(store.save(&never).await.is_err(), "save inserts nothing");
}

#[tokio::test]
async fn an_id_that_is_taken_is_not_shared() {
    let (_cluster, _client, store) = start().await;
    let first = created(&store).await;
    let mut second = first.clone();
    store.create(&mut second).await.unwrap();
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn the_frameworks_session_works_with_it() {
    let (_cluster, client, store) = start().await;
    let expiry = Some(Expiry::OnInactivity(Duration::minutes(30)));
    let session = Session::new(None, store.clone().into(), expiry);
    session.insert("user", "ada").await.unwrap();
    session.save().await.unwrap();
    let before = session.id().unwrap();

    let session = Session::new(Some(before), store.clone().into(), expiry);
    session.cycle_id().await.unwrap();
    session.insert("role", "admin").await.unwrap();
    session.save().await.unwrap();
    let after = session.id().unwrap();
    assert_ne!(before, after);
    assert!(store.load(&before).await.unwrap().is_none(), "the old id is worth nothing");

    let session = Session::new(Some(after), store.clone().into(), expiry);
    assert_eq!(session.get::<String>("user").await.unwrap().as_deref(), Some("ada"));
    session.clear().await;
    session.insert("theme", "dark").await.unwrap();
    session.save().await.unwrap();
    let left = client.get("shop", &after.to_string().into()).await.unwrap().session;
    assert_eq!(left.attributes.keys().collect::<Vec<_>>(), ["theme"]);
    session.flush().await.unwrap();
    assert!(store.load(&after).await.unwrap().is_none());
}
