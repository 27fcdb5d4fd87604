//! The web layer over real nodes: one application, run in two regions.

use axum::Router;
use axum::http::StatusCode;
use sojourn_client::web::{CookieKeys, CookieMode, NotSaved, SessionConfig, SessionLayer};
use sojourn_client::{Client, Consistency, Error};

use crate::browser::{Browser, Gate, app};
use crate::harness::{Cluster, eventually};

fn site(client: &Client, mode: CookieMode) -> (Router, Gate) {
    let mut config = SessionConfig::new("shop");
    config.cookie.mode = mode;
    // A token is waited for as long as a slow machine needs.
    config.token_wait_ms = 10_000;
    app(SessionLayer::new(client.clone(), config).unwrap())
}

fn keys(first_bytes: &[u8]) -> CookieKeys {
    CookieKeys::new(first_bytes.iter().map(|byte| [*byte; 64])).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_lands_in_another_region_reads_his_own_writes() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let (in_eu, _) = site(&eu, CookieMode::Plain);
    let (in_us, _) = site(&us, CookieMode::Plain);
    let mut browser = Browser::default();
    let created = browser.ask(&in_eu, "/set/theme/dark").await;
    assert_eq!(created.headers["cache-control"], "no-store");
    let before = browser.clone();
    assert_eq!(browser.ask(&in_eu, "/login/ada").await.body, "welcome ada");

    // No waiting here: the token in the cookie does it.
    for visit in 1..=5 {
        for app in [&in_us, &in_eu] {
            assert_eq!(browser.ask(app, "/whoami").await.body, "ada");
            assert_eq!(browser.ask(app, "/get/theme").await.body, "dark");
        }
        assert_eq!(browser.ask(&in_us, "/add/visits").await.body, format!("{} 1", 2 * visit - 1));
        assert_eq!(browser.ask(&in_eu, "/add/visits").await.body, format!("{} 1", 2 * visit));
    }
    assert!(matches!(eu.get("shop", &before.id()).await, Err(Error::Rotated(_))), "the id before the log-in");

    let stolen = browser.clone();
    assert_eq!(browser.ask(&in_us, "/logout").await.body, "goodbye");
    assert_eq!(browser.cookie, None);
    eventually("the logout in us holds in eu", || async {
        stolen.clone().ask(&in_eu, "/whoami").await.body == "nobody"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_1_a_logout_in_one_region_is_not_undone_by_a_slower_save_in_another() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let (in_eu, gate) = site(&eu, CookieMode::Plain);
    let (in_us, _) = site(&us, CookieMode::Plain);
    let mut browser = Browser::default();
    browser.ask(&in_eu, "/login/ada").await;
    let id = browser.id();

    let slow = tokio::spawn(browser.send(&in_eu, "/slow/theme/dark"));
    gate.arrival().await;
    assert_eq!(browser.ask(&in_us, "/logout").await.body, "goodbye");
    eventually("the logout is known in eu", || async {
        matches!(eu.get("shop", &id).await, Err(Error::Revoked(_)))
    })
    .await;
    gate.open();
    let late = slow.await.unwrap();
    assert_eq!((late.status, late.body.as_str()), (StatusCode::UNAUTHORIZED, ""));
    assert_eq!(late.extensions.get::<NotSaved>(), Some(&NotSaved::Ended));
    assert!(late.removes_the_cookie());
    for client in [&eu, &us] {
        assert!(matches!(client.get("shop", &id).await, Err(Error::Revoked(_))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_5_requests_at_the_same_time_in_two_regions_keep_each_others_fields() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let (in_eu, eu_gate) = site(&eu, CookieMode::Plain);
    let (in_us, us_gate) = site(&us, CookieMode::Plain);
    let mut browser = Browser::default();
    browser.ask(&in_eu, "/login/ada").await;

    let theme = tokio::spawn(browser.send(&in_eu, "/theme/dark"));
    let cart = tokio::spawn(browser.send(&in_us, "/cart/tea"));
    eu_gate.arrival().await;
    us_gate.arrival().await;
    eu_gate.open();
    us_gate.open();
    for answer in [theme.await.unwrap(), cart.await.unwrap()] {
        assert_eq!(answer.body, "saved");
    }
    for app in [&in_eu, &in_us] {
        eventually("both fields are there", || async {
            browser.clone().ask(app, "/profile").await.body == "dark tea"
        })
        .await;
        assert_eq!(browser.ask(app, "/whoami").await.body, "ada");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_7_late_requests_do_not_take_the_new_id_of_a_log_in_away() {
    let cluster = Cluster::up("eu", 1);
    let (app, gate) = site(&cluster.client("eu").await, CookieMode::Plain);
    let mut browser = Browser::default();
    browser.ask(&app, "/set/theme/dark").await;
    let before = browser.clone();
    let slow = tokio::spawn(before.send(&app, "/slow/theme/light"));
    gate.arrival().await;
    browser.ask(&app, "/login/ada").await;
    gate.open();
    let slow = slow.await.unwrap();
    let late = before.send(&app, "/whoami").await;
    assert_eq!((slow.status, late.body.as_str()), (StatusCode::CONFLICT, "nobody"));
    browser.keep(&slow);
    browser.keep(&late);
    assert_eq!(browser.ask(&app, "/whoami").await.body, "ada");
    assert_eq!(browser.ask(&app, "/get/theme").await.body, "dark");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_and_encrypted_cookies_outlive_a_change_of_keys_and_forged_ones_are_strangers() {
    let cluster = Cluster::up("eu", 1);
    let client = cluster.client("eu").await;
    for mode in [CookieMode::Signed, CookieMode::Encrypted] {
        let (old, _) = site(&client, mode(keys(&[1])));
        let (both, _) = site(&client, mode(keys(&[2, 1])));
        let (new, _) = site(&client, mode(keys(&[2])));
        let mut browser = Browser::default();
        browser.ask(&old, "/login/ada").await;
        assert_eq!(browser.clone().ask(&new, "/whoami").await.body, "nobody", "a key that it never had");
        assert_eq!(browser.ask(&both, "/whoami").await.body, "ada");
        assert_eq!(browser.ask(&new, "/whoami").await.body, "ada");

        let (pair, value) = (browser.cookie.clone().unwrap(), browser.value().to_owned());
        for at in 0..value.len() {
            let mut forged = value.clone().into_bytes();
            forged[at] = if forged[at] == b'x' { b'y' } else { b'x' };
            let forged = format!("__Host-session={}", String::from_utf8(forged).unwrap());
            let mut forger = Browser { cookie: Some(forged) };
            assert_eq!(forger.ask(&new, "/whoami").await.body, "nobody", "byte {at}");
        }
        assert_eq!(browser.cookie, Some(pair));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_made_up_id_is_a_new_visitor_and_is_never_adopted() {
    let cluster = Cluster::up("eu", 1);
    let client = cluster.client("eu").await;
    let (app, _) = site(&client, CookieMode::Plain);
    let made_up = "B".repeat(42) + "A";
    // With and without a token that is none.
    for value in [made_up.clone(), format!("{made_up}.AAAA"), "short".to_owned()] {
        let mut browser = Browser { cookie: Some(format!("__Host-session={value}")) };
        assert_eq!(browser.ask(&app, "/whoami").await.body, "nobody");
        let answer = browser.ask(&app, "/set/theme/dark").await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "dark"));
        assert_ne!(browser.id().reveal(), made_up);
        assert_eq!(browser.ask(&app, "/get/theme").await.body, "dark");
    }
    let made_up = made_up.as_str().into();
    assert!(matches!(client.get("shop", &made_up).await, Err(Error::NotFound)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_id_that_too_few_replicas_have_confirmed_still_reaches_the_browser() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let mut client = cluster.config("eu");
    client.request_timeout_ms = 1_000;
    let eu = Client::connect(client).await.unwrap();
    let mut config = SessionConfig::new("shop");
    config.login.consistency = Some(Consistency::EachQuorum);
    let strict = SessionLayer::new(eu.clone(), config.clone()).unwrap();
    config.save = config.login;
    (config.rotation_grace_ms, config.rotate_after_ms) = (0, Some(1));
    let rotating = SessionLayer::new(eu.clone(), config).unwrap();
    let ((in_eu, _), (rotating, _)) = (app(strict), app(rotating));
    let mut browser = Browser::default();
    browser.ask(&in_eu, "/set/theme/dark").await;
    let first = browser.id();

    cluster.isolate("eu");
    assert_eq!(browser.ask(&in_eu, "/login/ada").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let second = browser.id();
    assert!(second != first && matches!(eu.get("shop", &first).await, Err(Error::Rotated(_))));
    assert_eq!(browser.ask(&in_eu, "/whoami").await.body, "ada");
    assert_eq!(browser.ask(&rotating, "/get/theme").await.body, "dark");
    assert!(browser.id() != second, "a routine rotation");
    assert_eq!(browser.ask(&in_eu, "/whoami").await.body, "ada");
    assert_eq!(browser.ask(&in_eu, "/get/theme").await.body, "dark");
}
