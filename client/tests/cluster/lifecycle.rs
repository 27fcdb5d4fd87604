//! The end of sessions by time, in several regions.

use std::time::{Duration, Instant};

use sojourn_client::{Auth, Changes, Client, Consistency, Created, Error, WatchKind};

use crate::harness::{Cluster, PATIENCE, eventually};

const LIFE_MS: u64 = 4_000;
/// What the clocks of the nodes and this test's waiting may differ by.
const LATE_MS_MAX: u64 = 1_500;

async fn is_live(client: &Client, created: &Created) -> bool {
    match client.get("shop", &created.id).await {
        Ok(_) => true,
        Err(Error::NotFound) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_3_use_in_every_region_never_moves_the_absolute_deadline() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let clients = [cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await];
    let born = Instant::now();
    let call = clients[0].create("shop").idle_timeout_ms(2_000).absolute_timeout_ms(LIFE_MS);
    let created = call.consistency(Consistency::All).await.unwrap();
    let deadline_ms = created.session.absolute_deadline_ms;
    let mut touches = 0;
    // Used without a pause in all regions, far past its end.
    while born.elapsed() < Duration::from_millis(LIFE_MS + LATE_MS_MAX) {
        for client in &clients {
            match client.touch("shop", &created.id).await {
                Ok(touched) => {
                    touches += 1;
                    assert!(touched.expires_at_ms <= deadline_ms, "the idle deadline is never later");
                    assert!(
                        born.elapsed() < Duration::from_millis(LIFE_MS + LATE_MS_MAX),
                        "used after its end"
                    );
                }
                Err(Error::NotFound) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(touches > 10, "{touches}");
    for client in &clients {
        assert!(!is_live(client, &created).await);
        let late = client.update("shop", &created.id, Changes::new().set("a", "1")).touch().await;
        assert!(matches!(late, Err(Error::NotFound)), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_touch_in_one_region_keeps_a_session_alive_in_all_and_idleness_ends_it_in_all() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us, ap) = (cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await);
    let born = Instant::now();
    let created = eu.create("shop").idle_timeout_ms(2_000).consistency(Consistency::All).await.unwrap();
    while born.elapsed() < Duration::from_secs(5) {
        us.touch("shop", &created.id).await.unwrap();
    }
    for unused in [&eu, &ap] {
        assert!(
            is_live(unused, &created).await,
            "long past the first idle deadline of regions that nobody asked"
        );
    }
    let (left, ends) = (Instant::now(), Duration::from_millis(2_000 + LATE_MS_MAX));
    for client in [&eu, &us, &ap] {
        eventually("it lies idle for too long", || async { !is_live(client, &created).await }).await;
    }
    assert!(left.elapsed() < ends, "{:?}", left.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_4_every_expiry_is_told_once_and_leaves_nothing_in_the_list_of_its_principal() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us, ap) = (cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await);
    let mut watch = us.watch("shop").await.unwrap();
    let mut made = Vec::new();
    for number in 0..20 {
        let client = [&eu, &us, &ap][number % 3];
        let changes = Changes::new().auth(Auth::new("ada").level(1)).device(format!("device {number}"));
        made.push(client.create("shop").idle_timeout_ms(1_500).changes(changes).await.unwrap());
    }
    let kept = eu.create("shop").changes(Changes::new().auth(Auth::new("ada").level(1))).await.unwrap();
    let mut expired = Vec::new();
    let reading = async {
        while expired.len() < made.len() {
            let events = watch.next().await.expect("the feed ended").unwrap();
            let ends = events.into_iter().filter(|event| matches!(event.kind, WatchKind::Expired { .. }));
            expired.extend(ends.map(|event| event.key));
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("all were told in time");
    expired.sort_unstable();
    let told = expired.len();
    expired.dedup();
    assert_eq!(expired.len(), told, "each once");
    assert!(!expired.contains(&kept.session.feed_key));
    for created in &made {
        assert!(expired.contains(&created.session.feed_key));
        assert!(!is_live(&us, created).await, "told, so it is over");
    }
    for client in [&eu, &us, &ap] {
        eventually("the list has only the session that lives", || async {
            client.list_sessions("shop", "ada").await.unwrap().len() == 1
        })
        .await;
    }
}
