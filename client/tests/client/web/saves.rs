//! What a request writes, and when.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use sojourn_client::Auth;
use sojourn_client::web::{NotSaved, SessionConfig, SessionLayer, WebError, WebSession};
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::{Consistency, Durability};

use super::{site, site_with};
use crate::browser::Browser;
use crate::support::Behaviour;

#[tokio::test]
async fn a_visitor_who_writes_nothing_gets_no_session() {
    let site = site().await;
    let mut browser = Browser::default();
    assert_eq!(browser.ask(&site.app, "/get/theme").await.body, "nothing");
    assert_eq!(browser.ask(&site.app, "/idle").await.body, "idle\n");
    assert_eq!((browser.cookie, site.calls().len()), (None, 0));
}

#[tokio::test]
async fn what_is_written_is_read_by_the_next_request() {
    let site = site().await;
    let mut browser = Browser::default();
    let first = browser.ask(&site.app, "/set/theme/dark").await;
    assert_eq!((first.status, first.body.as_str()), (StatusCode::OK, "dark"));
    assert_eq!(first.headers["cache-control"], "no-store");
    assert_eq!(browser.ask(&site.app, "/get/theme").await.body, "dark");
    assert_eq!(browser.ask(&site.app, "/add/visits").await.body, "1 1");
    assert_eq!(browser.ask(&site.app, "/add/visits").await.body, "2 1");
    assert_eq!(site.calls(), ["create", "get", "get", "update", "get", "update"]);
}

#[tokio::test]
async fn levels_that_nobody_set_are_left_to_the_policy() {
    let site = site().await;
    let mut browser = Browser::default();
    for path in ["/set/theme/dark", "/add/visits", "/login/ada"] {
        browser.ask(&site.app, path).await;
    }
    let calls = site.cluster.calls("eu-1");
    let levels = calls.into_iter().filter_map(|call| match call {
        Call::Create(request) => request.options,
        Call::Update(request) => request.options,
        Call::Rotate(request) => request.options,
        _ => None,
    });
    let levels: Vec<_> = levels.map(|options| (options.consistency(), options.durability())).collect();
    let policys = (Consistency::Unspecified, Durability::Unspecified);
    // A log-in is on the disk whatever the policy says.
    assert_eq!(levels, [policys, policys, (Consistency::Unspecified, Durability::Synced)]);
}

#[tokio::test]
async fn a_request_that_does_not_look_at_its_session_costs_no_call() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    site.calls();
    let answer = browser.ask(&site.app, "/idle").await;
    assert!(answer.set_cookie.is_none() && site.calls().is_empty());
}

#[tokio::test]
async fn what_is_there_already_is_not_written_again() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    site.calls();
    browser.ask(&site.app, "/set/theme/dark").await;
    assert_eq!(site.calls(), ["get"]);
}

#[tokio::test]
async fn pain_5_the_last_request_does_not_overwrite_the_whole_session() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/other/kept").await;
    let theme = tokio::spawn(browser.send(&site.app, "/theme/dark"));
    let cart = tokio::spawn(browser.send(&site.app, "/cart/tea"));
    site.gate.arrival().await;
    site.gate.arrival().await;
    site.gate.open();
    site.gate.open();
    assert_eq!((theme.await.unwrap().body, cart.await.unwrap().body), ("saved".into(), "saved".into()));
    assert_eq!(browser.ask(&site.app, "/profile").await.body, "dark tea");
    assert_eq!(browser.ask(&site.app, "/get/other").await.body, "kept");
    let calls = site.cluster.calls("eu-1");
    let fields = calls.iter().filter_map(|call| match call {
        Call::Update(update) => Some(update.changes.as_ref().unwrap().set_attributes.len()),
        _ => None,
    });
    assert_eq!(fields.collect::<Vec<_>>(), [1, 1], "one field each");
}

#[tokio::test]
async fn reading_touches_once_a_share_of_the_idle_time_out_is_over() {
    let site = site_with(|config| config.idle_timeout_ms = Some(600_000)).await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    site.calls();
    browser.ask(&site.app, "/get/theme").await;
    assert_eq!(site.calls(), ["get"]);
    site.cluster.sessions().age(60_000);
    browser.ask(&site.app, "/get/theme").await;
    assert_eq!(site.calls(), ["get", "touch"]);
    browser.ask(&site.app, "/set/theme/light").await;
    let calls = site.cluster.calls("eu-1");
    assert!(calls.iter().any(|call| matches!(call, Call::Update(update) if update.touch)));
}

#[tokio::test]
async fn a_request_that_failed_writes_nothing() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    site.calls();
    assert_eq!(browser.ask(&site.app, "/fail/theme").await.body, "failed\n");
    assert!(site.calls().is_empty());
}

#[tokio::test]
async fn a_response_whose_changes_were_not_written_is_not_sent() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    let slow = tokio::spawn(browser.send(&site.app, "/slow/theme/light"));
    site.gate.arrival().await;
    site.cluster.behave("eu-1", Behaviour::NotReady);
    site.gate.open();
    let answer = slow.await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, ""));
    assert_eq!(answer.extensions.get::<NotSaved>(), Some(&NotSaved::Unwritten));
    assert!(answer.set_cookie.is_none(), "the session is still there");
}

#[tokio::test]
async fn what_is_changed_after_the_response_is_refused() {
    let site = site().await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let keep = move |session: WebSession| async move { sender.send(session).unwrap() };
    let layer = SessionLayer::new(site.client.clone(), SessionConfig::new("shop")).unwrap();
    let app = Router::new().route("/", get(keep)).layer(layer);
    Browser::default().ask(&app, "/").await;
    let session = receiver.recv().await.unwrap();
    assert!(matches!(session.insert("theme", "dark"), Err(WebError::Closed)));
    assert!(matches!(session.log_in(Auth::new("ada")).await, Err(WebError::Closed)));
    assert!(matches!(session.log_out().await, Err(WebError::Closed)));
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_not_taken_for_none() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    site.cluster.behave("eu-1", Behaviour::NotReady);
    let answer = browser.ask(&site.app, "/get/theme").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.set_cookie.is_none() && browser.cookie.is_some());
}

#[tokio::test]
async fn a_region_that_is_behind_serves_what_it_has() {
    let site = site_with(|config| config.token_wait_ms = 50).await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    site.cluster.behave("eu-1", Behaviour::Behind);
    assert_eq!(browser.ask(&site.app, "/get/theme").await.body, "dark");
    // Of this one it has nothing yet, which is not the same as that there is none.
    let elsewhere = format!("__Host-session={}.dA", "B".repeat(42) + "A");
    let mut browser = Browser { cookie: Some(elsewhere.clone()) };
    let answer = browser.ask(&site.app, "/get/theme").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(browser.cookie, Some(elsewhere));
}
