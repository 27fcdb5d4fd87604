//! Regions that work alone and meet again.

use sojourn_client::{Auth, Changes, Consistency, Durability, Error, SessionId, Value};

use crate::harness::{Cluster, eventually};

const PROFILE: &str = r#"{"theme":"dark"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_created_in_one_region_is_read_in_another_with_all_fields() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);

    let changes = Changes::new()
        .auth(Auth::new("ada").level(1).method("pwd").role("buyer"))
        .set("lang", "de")
        .set("avatar", vec![0_u8, 255, 7])
        .set("profile", Value::json(PROFILE))
        .add("visits", 3)
        .add_member("seen", "book");
    let created = eu.create("shop").changes(changes).await.unwrap();
    for client in [&us, &cluster.client("ap").await] {
        let read = client.get("shop", &created.id).after(&created.token).await.unwrap().session;
        assert_eq!(read.principal(), Some("ada"));
        assert_eq!(read.text("lang"), Some("de"));
        assert_eq!(read.attributes["avatar"].as_bytes(), [0, 255, 7]);
        assert_eq!(read.attributes["profile"], Value::json(PROFILE));
        assert_eq!(read.counter("visits"), 3);
        assert!(read.has_member("seen", b"book"));
        assert_eq!(read, created.session);
        let unknown = SessionId::new(&"A".repeat(43));
        let ids = [unknown, created.id.clone()];
        let batch = client.batch_get("shop", &ids).await.unwrap();
        assert!(matches!(&batch[..], [Err(Error::NotFound), Ok(read)] if read.session == created.session));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_of_a_cut_go_on_and_lose_nothing_when_they_meet() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let kept = eu.create("shop").changes(Changes::new().set("step", "0")).await.unwrap();
    let ended = eu.create("shop").await.unwrap();
    for created in [&kept, &ended] {
        us.get("shop", &created.id).after(&created.token).await.unwrap();
    }

    cluster.isolate("eu");
    eu.update("shop", &kept.id, Changes::new().set("eu", "yes").add("n", 1)).await.unwrap();
    us.update("shop", &kept.id, Changes::new().set("us", "yes").add("n", 10)).await.unwrap();
    assert_eq!(eu.get("shop", &kept.id).await.unwrap().session.text("us"), None, "the link is not cut");
    eu.revoke("shop", &ended.id, "logout").await.unwrap();
    us.update("shop", &ended.id, Changes::new().set("late", "write")).touch().await.unwrap();
    us.touch("shop", &ended.id).await.unwrap();
    let shortfall = us
        .update("shop", &kept.id, Changes::new().set("each", "try"))
        .consistency(Consistency::EachQuorum)
        .timeout_ms(1500)
        .await
        .unwrap_err();
    assert_eq!(shortfall.details().unwrap().reason, "CONSISTENCY_NOT_REACHED", "{shortfall}");

    cluster.heal();
    eventually("digests agree", || async { cluster.digests_agree() }).await;
    for client in [&eu, &us, &cluster.client("ap").await] {
        let session = client.get("shop", &kept.id).await.unwrap().session;
        assert_eq!((session.text("eu"), session.text("us")), (Some("yes"), Some("yes")));
        assert_eq!(session.counter("n"), 11);
        assert_eq!(session.text("step"), Some("0"));
        let late = client.update("shop", &ended.id, Changes::new().set("later", "write")).await;
        assert!(matches!(late, Err(Error::Revoked(_))), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_logins_at_the_same_time_the_lower_level_holds_whole_in_every_region() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let clients = [cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await];
    let created = clients[0].create("shop").consistency(Consistency::All).await.unwrap();
    for region in ["eu", "us"] {
        cluster.isolate(region);
    }
    let admin = Auth::new("root").level(3).method("key").role("admin");
    let buyer = Auth::new("ada").level(1).method("pwd").role("buyer");
    // The later one would win if it were any other field.
    for (client, auth) in clients.iter().zip([&buyer, &admin, &admin]) {
        client.update("shop", &created.id, Changes::new().auth(auth.clone())).await.unwrap();
        assert_eq!(
            client.get("shop", &created.id).await.unwrap().session.principal(),
            Some(&*auth.principal)
        );
    }
    cluster.heal();
    eventually("digests agree", || async { cluster.digests_agree() }).await;
    for client in &clients {
        let held = client.get("shop", &created.id).await.unwrap().session.auth.unwrap();
        assert_eq!(
            (held.principal, held.level, held.roles),
            (buyer.principal.clone(), 1, buyer.roles.clone())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn membership_sessions_and_revocations_survive_a_stop_of_all_nodes() {
    let mut cluster = Cluster::up("eu,us,ap", 1);
    let (kept, ended) = {
        let eu = cluster.client("eu").await;
        let kept = eu.create("shop").changes(Changes::new().set("a", "1")).await.unwrap();
        let ended = eu.create("shop").durability(Durability::Synced).await.unwrap();
        eu.revoke("shop", &ended.id, "logout").await.unwrap();
        (kept, ended)
    };
    let before = cluster.client("eu").await.members().await.unwrap().members;

    cluster.stop_and_start();

    let us = cluster.client("us").await;
    let after = us.members().await.unwrap().members;
    let identity = |members: &[sojourn_client::cluster_types::Member]| {
        members.iter().map(|m| (m.replica_id, m.name.clone(), m.region.clone())).collect::<Vec<_>>()
    };
    assert_eq!(identity(&after), identity(&before));
    let read = us.get("shop", &kept.id).after(&kept.token).await.unwrap();
    assert_eq!(read.session.text("a"), Some("1"));
    eventually("the revocation is there", || async {
        matches!(us.get("shop", &ended.id).await, Err(Error::Revoked(_)))
    })
    .await;
}
