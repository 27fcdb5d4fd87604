//! Log-ins, and the new ids that they bring.

use axum::http::StatusCode;
use sojourn_client::Error;
use sojourn_client::web::NotSaved;

use super::{site, site_with};
use crate::browser::Browser;
use crate::support::Behaviour;

#[tokio::test]
async fn a_log_in_ends_the_old_id_and_keeps_the_content() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    browser.ask(&site.app, "/add/visits").await;
    let before = browser.clone();
    assert_eq!(browser.ask(&site.app, "/login/ada").await.body, "welcome ada");
    assert_ne!(before.id(), browser.id());
    assert_eq!(browser.ask(&site.app, "/whoami").await.body, "ada");
    assert_eq!(browser.ask(&site.app, "/get/theme").await.body, "dark");
    assert_eq!(browser.ask(&site.app, "/add/visits").await.body, "2 1");
    assert!(matches!(site.client.get("shop", &before.id()).await, Err(Error::Rotated(_))));
    assert_eq!(site.cluster.sessions().live(), 1, "it is the same session");
    let answer = browser.ask(&site.app, "/login/ada").await;
    assert_eq!(
        (answer.body.as_str(), site.cluster.sessions().live()),
        ("welcome ada", 1),
        "stepping up, too"
    );
}

#[tokio::test]
async fn another_principal_does_not_inherit_the_content() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/login/ada").await;
    browser.ask(&site.app, "/set/address/hers").await;
    let hers = browser.id();
    browser.ask(&site.app, "/login/eve").await;
    assert_eq!(browser.ask(&site.app, "/whoami").await.body, "eve");
    assert_eq!(browser.ask(&site.app, "/get/address").await.body, "nothing");
    assert!(matches!(site.client.get("shop", &hers).await, Err(Error::Revoked(_))));
    assert_ne!(hers.reveal().split('~').next(), browser.id().reveal().split('~').next());
}

#[tokio::test]
async fn a_log_in_that_was_not_made_leaves_everything_as_it_was() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    site.cluster.behave("eu-1", Behaviour::NoRotation);
    let answer = browser.ask(&site.app, "/login/ada").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.set_cookie.is_none());
    site.cluster.behave("eu-1", Behaviour::Answer);
    assert_eq!(browser.ask(&site.app, "/whoami").await.body, "nobody");
    assert_eq!(browser.ask(&site.app, "/get/theme").await.body, "dark");
}

#[tokio::test]
async fn pain_7_a_request_with_the_old_id_does_not_take_the_new_one_away() {
    let site = site().await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    let before = browser.clone();
    let (slow, read) = (before.send(&site.app, "/slow/theme/light"), before.send(&site.app, "/slow-read"));
    let (slow, read) = (tokio::spawn(slow), tokio::spawn(read));
    site.gate.arrival().await;
    site.gate.arrival().await;
    browser.ask(&site.app, "/login/ada").await;
    site.gate.open();
    site.gate.open();
    let slow = slow.await.unwrap();
    assert_eq!(slow.status, StatusCode::CONFLICT);
    assert_eq!(slow.extensions.get::<NotSaved>(), Some(&NotSaved::Superseded));
    let late = [slow, read.await.unwrap(), before.send(&site.app, "/whoami").await];
    assert_eq!((late[1].body.as_str(), late[2].body.as_str()), ("read", "nobody"));
    let late_write = before.send(&site.app, "/set/theme/red").await;
    assert_eq!(late_write.status, StatusCode::CONFLICT);
    let late_logout = before.send(&site.app, "/logout").await;
    assert_eq!(late_logout.status, StatusCode::CONFLICT);
    for answer in late.iter().chain([&late_write, &late_logout]) {
        browser.keep(answer);
    }
    assert_eq!(browser.ask(&site.app, "/whoami").await.body, "ada", "signed in once, and still");
    assert_eq!(browser.ask(&site.app, "/get/theme").await.body, "dark");
}

#[tokio::test]
async fn an_old_id_means_a_new_visitor_once_the_grace_is_over() {
    let site = site_with(|config| config.rotation_grace_ms = 0).await;
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    let mut before = browser.clone();
    browser.ask(&site.app, "/login/ada").await;
    let answer = before.ask(&site.app, "/whoami").await;
    assert_eq!((answer.body.as_str(), answer.removes_the_cookie()), ("nobody", true));
}

#[tokio::test]
async fn pain_7_two_log_ins_at_the_same_time_both_hold() {
    let site = site().await;
    let mut one = Browser::default();
    one.ask(&site.app, "/set/theme/dark").await;
    let mut other = one.clone();
    let old = one.id();
    let answers = tokio::join!(one.send(&site.app, "/login/ada"), other.send(&site.app, "/login/ada"));
    one.keep(&answers.0);
    other.keep(&answers.1);
    for browser in [&mut one, &mut other] {
        assert_eq!(browser.ask(&site.app, "/whoami").await.body, "ada");
    }
    assert!(matches!(site.client.get("shop", &old).await, Err(Error::Rotated(_))));
}
