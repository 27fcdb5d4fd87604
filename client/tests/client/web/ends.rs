//! Logouts.

use axum::http::StatusCode;
use sojourn_client::web::{NotSaved, OnEnded};
use sojourn_client::{Error, ReadCacheConfig};
use sojourn_proto::session::v1::{self, pipeline_call::Call};

use super::{site, site_of, site_with};
use crate::browser::Browser;
use crate::support::Behaviour;

#[tokio::test]
async fn a_logout_ends_the_session_and_removes_the_cookie() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/login/ada").await;
    let stolen = browser.clone();
    let answer = browser.ask(&site.app, "/logout").await;
    assert_eq!((answer.body.as_str(), answer.removes_the_cookie()), ("goodbye", true));
    assert_eq!(site.cluster.sessions().live(), 0);
    let answer = stolen.clone().ask(&site.app, "/whoami").await;
    assert_eq!((answer.body.as_str(), answer.removes_the_cookie()), ("nobody", true));
    let calls = site.cluster.calls("eu-1");
    let options = calls.iter().find_map(|call| match call {
        Call::Revoke(revoke) => revoke.options.as_ref(),
        _ => None,
    });
    assert_eq!(options.unwrap().consistency(), v1::Consistency::LocalQuorum);
    assert_eq!(options.unwrap().durability(), v1::Durability::Synced);
}

#[tokio::test]
async fn pain_1_a_logout_is_not_undone_by_a_slower_save() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/login/ada").await;
    let id = browser.id();
    let slow = tokio::spawn(browser.send(&site.app, "/slow/theme/dark"));
    site.gate.arrival().await;
    browser.ask(&site.app, "/logout").await;
    site.gate.open();
    let answer = slow.await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::UNAUTHORIZED, ""));
    assert_eq!(answer.extensions.get::<NotSaved>(), Some(&NotSaved::Ended));
    assert!(answer.removes_the_cookie());
    assert_eq!(site.cluster.sessions().live(), 0, "neither that session nor another one");
    assert!(matches!(site.client.get("shop", &id).await, Err(Error::Revoked(_))));
}

#[tokio::test]
async fn an_application_may_pass_such_a_response_on() {
    let site = site_with(|config| config.on_ended = OnEnded::PassOn).await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/login/ada").await;
    let slow = tokio::spawn(browser.send(&site.app, "/slow/theme/dark"));
    site.gate.arrival().await;
    browser.ask(&site.app, "/logout").await;
    site.gate.open();
    let answer = slow.await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "saved"));
    assert_eq!(answer.extensions.get::<NotSaved>(), Some(&NotSaved::Ended));
    assert!(answer.removes_the_cookie());
    assert_eq!(site.cluster.sessions().live(), 0);
}

#[tokio::test]
async fn a_cookie_that_outlived_its_session_makes_a_new_visitor() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/login/ada").await;
    site.client.revoke("shop", &browser.id(), "logout").await.unwrap();
    let answer = browser.ask(&site.app, "/set/theme/dark").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "dark"));
    assert_eq!(browser.ask(&site.app, "/whoami").await.body, "nobody");
}

#[tokio::test]
async fn a_write_that_did_not_look_first_is_refused_after_a_logout() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/login/ada").await;
    site.client.revoke("shop", &browser.id(), "logout").await.unwrap();
    let answer = browser.ask(&site.app, "/blind/theme/dark").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.removes_the_cookie() && site.cluster.sessions().live() == 0);
    assert_eq!(browser.ask(&site.app, "/blind/theme/dark").await.body, "saved");
}

#[tokio::test]
async fn with_a_cache_a_logout_elsewhere_is_late_for_reads_and_not_for_writes() {
    let site = site_of(|config| config.read_cache = Some(ReadCacheConfig::new(60_000)), |_| {}).await;
    let elsewhere = site.cluster.connect(site.cluster.config("eu-1")).await.unwrap();
    let mut browser = Browser::default();
    browser.ask(&site.app, "/login/ada").await;
    browser.ask(&site.app, "/whoami").await;
    elsewhere.revoke("shop", &browser.id(), "logout").await.unwrap();
    site.calls();
    assert_eq!(browser.ask(&site.app, "/whoami").await.body, "ada", "for as long as was asked for");
    assert!(site.calls().is_empty());
    let answer = browser.ask(&site.app, "/set/theme/dark").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.removes_the_cookie() && site.cluster.sessions().live() == 0);

    browser.ask(&site.app, "/login/eve").await;
    let kept = browser.clone();
    browser.ask(&site.app, "/whoami").await;
    browser.ask(&site.app, "/logout").await;
    assert_eq!(kept.clone().ask(&site.app, "/whoami").await.body, "nobody", "its own logouts are never late");
}

#[tokio::test]
async fn nobody_believes_in_a_logout_that_was_not_made() {
    for path in ["/logout", "/careless-logout"] {
        let site = site().await;
        let mut browser = Browser::default();
        browser.ask(&site.app, "/login/ada").await;
        site.cluster.behave("eu-1", Behaviour::NoRevocation);
        let answer = browser.ask(&site.app, path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_ne!(answer.body, "goodbye");
        assert!(answer.removes_the_cookie() && browser.cookie.is_none(), "{path}");
    }
}

#[tokio::test]
async fn a_logout_without_a_node_is_an_error_that_removes_the_cookie() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/login/ada").await;
    site.cluster.kill("eu-1");
    let answer = browser.ask(&site.app, "/careless-logout").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.extensions.get::<NotSaved>(), Some(&NotSaved::NotLoggedOut));
    assert!(answer.removes_the_cookie());
}

#[tokio::test]
async fn a_logout_without_a_session_does_nothing() {
    let site = site().await;
    assert_eq!(Browser::default().ask(&site.app, "/logout").await.body, "goodbye");
    assert!(site.calls().is_empty());
}
