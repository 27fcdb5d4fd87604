//! The limit of a principal's sessions: who it ends stays ended, and what is over takes no place.

use sojourn_client::directory_types::Policy;
use sojourn_client::{Auth, Changes, Client, Created, Error};

use crate::harness::{Cluster, eventually};

const IDLE_MS: u64 = 1_500;

fn of(principal: &str, device: &str) -> Changes {
    Changes::new().auth(Auth::new(principal)).device(device)
}

async fn log_in(client: &Client, principal: &str, device: &str) -> Created {
    client.create("shop").changes(of(principal, device)).await.unwrap()
}

/// One that lapses soon.
async fn log_in_shortly(client: &Client, principal: &str, device: &str) -> Created {
    client.create("shop").idle_timeout_ms(IDLE_MS).changes(of(principal, device)).await.unwrap()
}

async fn is_live(client: &Client, session: &Created) -> bool {
    client.get("shop", &session.id).await.is_ok()
}

async fn is_revoked(client: &Client, session: &Created) -> bool {
    matches!(client.get("shop", &session.id).await, Err(Error::Revoked(_)))
}

async fn has_lapsed(client: &Client, session: &Created) -> bool {
    matches!(client.get("shop", &session.id).await, Err(Error::NotFound))
}

async fn devices(client: &Client, principal: &str) -> Vec<String> {
    let sessions = client.list_sessions("shop", principal).await.unwrap();
    sessions.into_iter().map(|session| session.device).collect()
}

async fn set_policy(clients: &[&Client], policy: Policy) {
    let set = clients[0].set_policy("shop", "", policy).await.unwrap();
    for client in clients {
        eventually("the policy is known", || async { client.policy("shop").await.unwrap() == set }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_the_limit_has_ended_does_not_come_back() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us, ap) = (cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await);
    let at_most = |sessions_max| Policy { sessions_max: Some(sessions_max), ..Policy::default() };
    set_policy(&[&eu, &us, &ap], at_most(2)).await;
    let mut victims = Vec::new();
    for principal in ["ada", "bob"] {
        log_in(&eu, principal, "1").await;
        victims.push(log_in(&eu, principal, "2").await);
        eventually("us has the list", || async { devices(&us, principal).await == ["2", "1"] }).await;
    }
    cluster.isolate("eu");
    log_in(&eu, "ada", "3").await;
    log_in(&us, "ada", "4").await;
    log_in(&us, "bob", "3").await;
    log_in(&eu, "bob", "4").await;
    cluster.heal();

    // No side has ended these two, only both together: of Ada's the session is asked for, of
    // Bob's the list, and another one is ended. Then the limit is raised.
    eventually("both sides are known", || is_revoked(&ap, &victims[0])).await;
    eventually("the newest two stay", || async { devices(&ap, "bob").await == ["4", "3"] }).await;
    let newest = ap.list_sessions("shop", "bob").await.unwrap().remove(0).session_ref;
    ap.end_session("shop", "bob", &newest, "lost").await.unwrap();
    assert_eq!(devices(&ap, "bob").await, ["3"]);
    set_policy(&[&ap, &eu, &us], at_most(9)).await;
    for client in [&ap, &eu, &us] {
        for victim in &victims {
            eventually("it is ended for good", || is_revoked(client, victim)).await;
        }
        eventually("ada's newest two are live", || async { devices(client, "ada").await == ["4", "3"] })
            .await;
        eventually("bob's one is live", || async { devices(client, "bob").await == ["3"] }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_over_take_no_place() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let refuse =
        Policy { sessions_max: Some(2), refuse_beyond_sessions_max: Some(true), ..Policy::default() };
    set_policy(&[&eu, &us], refuse).await;
    for device in ["1", "2"] {
        let session = log_in_shortly(&eu, "ada", device).await;
        eventually("us has it", || is_live(&us, &session)).await;
        eventually("it has lapsed", || has_lapsed(&us, &session)).await;
    }
    // Neither is refused for the two that lapsed.
    for device in ["3", "4"] {
        log_in(&us, "ada", device).await;
    }
    let many = us.create("shop").changes(of("ada", "5")).await.unwrap_err();
    assert_eq!(many.details().unwrap().reason, "TOO_MANY_SESSIONS");
    assert_eq!(devices(&us, "ada").await, ["4", "3"]);

    let end_oldest = Policy { refuse_beyond_sessions_max: None, ..refuse };
    set_policy(&[&us, &eu], end_oldest).await;
    let older = log_in(&us, "bob", "old").await;
    let lapsed = log_in_shortly(&us, "bob", "lapsed").await;
    eventually("it has lapsed", || has_lapsed(&us, &lapsed)).await;
    log_in(&us, "bob", "new").await;
    assert!(is_live(&us, &older).await, "the one that has lapsed made room");

    let kept = log_in(&eu, "eve", "kept").await;
    log_in(&eu, "eve", "other").await;
    eu.end_all_sessions("shop", "eve").keep(&kept.id).await.unwrap();
    log_in(&eu, "eve", "new").await;
    assert!(is_live(&eu, &kept).await, "the one that was logged out made room");
    assert_eq!(devices(&eu, "eve").await, ["new", "kept"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_carry_a_session_to_a_logout_everywhere_and_the_logout_to_a_read() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    for round in 0..10 {
        let principal = format!("ada-{round}");
        let kept = log_in(&us, &principal, "kept").await;
        let ended = log_in(&us, &principal, "ended").await;
        us.get("shop", &ended.id).after(&kept.token).await.unwrap();
        // Made elsewhere a moment ago: the tokens let the other region wait for both.
        eu.get("shop", &ended.id).after(&ended.token).await.unwrap();
        let out = eu.end_all_sessions("shop", &principal).keep(&kept.id).after(&kept.token).await.unwrap();
        let read = us.get("shop", &ended.id).after(&out.receipt.token).await;
        assert!(matches!(read, Err(Error::Revoked(_))), "{round}: {read:?}");
        us.get("shop", &kept.id).after(&out.receipt.token).await.unwrap();
    }
}
