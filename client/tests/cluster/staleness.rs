//! Reads that say how old the revocations are that they go by, and refuse old ones.

use std::time::Instant;

use sojourn_client::{Auth, Changes, Client, Created, Error};

use crate::harness::{Cluster, eventually};

const BOUND_MS: u64 = 4_000;

async fn bounded(client: &Client, session: &Created) -> Result<u64, Error> {
    let read = client.get("shop", &session.id).revocations_staleness_ms_max(BOUND_MS).await?;
    Ok(read.revocations_staleness_ms.values().map(|age_ms| age_ms.unwrap()).max().unwrap())
}

/// Whether the region's own node knows of all: a bounded read may be served by another one.
async fn knows_all(client: &Client, session: &Created) -> bool {
    let read = client.get("shop", &session.id).report_revocations_staleness().await;
    let figures = read.map(|read| read.revocations_staleness_ms).unwrap_or_default();
    figures.len() == 3 && figures.values().all(Option::is_some)
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap()
}

async fn log_in(client: &Client) -> Created {
    client.create("shop").changes(Changes::new().auth(Auth::new("ada"))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bounded_read_refuses_while_a_region_is_cut_off_and_says_how_old_it_would_be() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let session = log_in(&eu).await;
    us.get("shop", &session.id).after(&session.token).await.unwrap();
    for client in [&eu, &us] {
        eventually("each knows the other", || knows_all(client, &session)).await;
    }
    let plain = eu.get("shop", &session.id).await.unwrap();
    assert!(plain.revocations_staleness_ms.is_empty(), "only if asked for");

    cluster.isolate("us");
    let cut_at = Instant::now();
    eventually("a bounded read refuses", || async {
        let cut_ms = millis(cut_at);
        match bounded(&eu, &session).await {
            Ok(age_ms) => {
                assert!(cut_ms <= age_ms && age_ms <= BOUND_MS, "{cut_ms} ms cut off, {age_ms} ms told");
                false
            }
            Err(Error::RevocationsTooStale(details)) => {
                let age_ms: u64 = details.metadata["staleness_ms"].parse().unwrap();
                assert!(age_ms > BOUND_MS && age_ms >= cut_ms, "{details}");
                assert_eq!(details.metadata["staleness_ms_max"], BOUND_MS.to_string());
                true
            }
            Err(other) => panic!("{other}"),
        }
    })
    .await;
    let cut_ms = millis(cut_at);
    let reported = eu.get("shop", &session.id).report_revocations_staleness().await.unwrap();
    let figures = reported.revocations_staleness_ms;
    assert!(figures["us"].unwrap() >= cut_ms && figures["eu"] < Some(1_000), "{figures:?}");
    assert!(figures["ap"] < Some(BOUND_MS), "{figures:?}");

    us.end_all_sessions("shop", "ada").await.unwrap();
    let ended_at = Instant::now();
    assert!(eu.get("shop", &session.id).await.is_ok(), "a read without a bound is as local as ever");
    cluster.heal();
    eventually("the logout arrives", || async {
        let ended_ms = millis(ended_at);
        match eu.get("shop", &session.id).report_revocations_staleness().await {
            Ok(read) => {
                let age_ms = read.revocations_staleness_ms["us"].unwrap();
                assert!(age_ms >= ended_ms, "{ended_ms} ms after a logout it is not there, {age_ms} ms told");
                false
            }
            Err(error) => matches!(error, Error::Revoked(_)),
        }
    })
    .await;
    let later = log_in(&eu).await;
    eventually("a bounded read is served again", || async { bounded(&eu, &later).await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_was_not_heard_since_the_start_is_unknown() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let eu = cluster.client("eu").await;
    let session = eu.create("shop").await.unwrap();
    eventually("us is known", || knows_all(&eu, &session)).await;
    cluster.isolate("us");
    cluster.command(&["node", "kill", "eu-1"]);
    cluster.command(&["node", "restart", "eu-1"]);
    eventually("it is unknown", || async {
        let read = eu.get("shop", &session.id).report_revocations_staleness().await;
        read.is_ok_and(|read| {
            let figures = read.revocations_staleness_ms;
            figures["us"].is_none() && figures["ap"].is_some()
        })
    })
    .await;
    cluster.heal();
    eventually("it is known again", || knows_all(&eu, &session)).await;
}
