//! Ids that are replaced as routine.

use axum::http::StatusCode;

use super::{Site, site_with};
use crate::browser::Browser;

const AFTER_MS: u64 = 600_000;

async fn site() -> Site {
    site_with(|config| config.rotate_after_ms = Some(AFTER_MS)).await
}

/// A visitor whose id is old enough to be replaced.
async fn visitor(site: &Site) -> Browser {
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    site.cluster.sessions().age(AFTER_MS);
    site.calls();
    browser
}

#[tokio::test]
async fn an_old_id_is_replaced_by_the_request_that_uses_it() {
    let site = site().await;
    let mut browser = visitor(&site).await;
    let before = browser.id();
    assert_eq!(browser.ask(&site.app, "/get/theme").await.body, "dark");
    assert_eq!(site.calls(), ["get", "rotate"]);
    let first = before.reveal();
    assert!(browser.id().reveal().strip_prefix(first).is_some_and(|secret| secret.starts_with('~')));
    assert!(browser.ask(&site.app, "/get/theme").await.set_cookie.is_none(), "once");
    assert_eq!(site.calls(), ["get"]);
    site.cluster.sessions().age(AFTER_MS);
    browser.ask(&site.app, "/set/theme/light").await;
    assert_eq!(site.calls(), ["get", "rotate"], "what is written goes with it");
    assert_eq!(browser.ask(&site.app, "/get/theme").await.body, "light");
}

#[tokio::test]
async fn without_the_option_an_id_stays() {
    let site = site_with(|_| {}).await;
    let mut browser = visitor(&site).await;
    let before = browser.id();
    browser.ask(&site.app, "/set/theme/light").await;
    assert_eq!(browser.id(), before);
}

#[tokio::test]
async fn pain_7_parallel_requests_are_all_served_and_one_sets_the_cookie() {
    let site = site().await;
    let browser = visitor(&site).await;
    let slow: Vec<_> = ["/theme/blue", "/cart/tea", "/slow-read"]
        .map(|path| tokio::spawn(browser.send(&site.app, path)))
        .into_iter()
        .collect();
    for _ in &slow {
        site.gate.arrival().await;
    }
    slow.iter().for_each(|_| site.gate.open());
    let mut answers = Vec::new();
    for answer in slow {
        answers.push(answer.await.unwrap());
    }
    answers.push(browser.send(&site.app, "/set/late/write").await);
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.set_cookie.is_some()).count(), 1);
    let mut after = browser;
    answers.iter().for_each(|answer| after.keep(answer));
    assert_eq!(after.ask(&site.app, "/profile").await.body, "blue tea");
    assert_eq!(after.ask(&site.app, "/get/late").await.body, "write");
    assert_eq!(site.cluster.sessions().live(), 1);
}

#[tokio::test]
async fn once_the_grace_is_over_an_old_id_is_nobodys() {
    let site = site().await;
    let mut browser = visitor(&site).await;
    let mut before = browser.clone();
    browser.ask(&site.app, "/get/theme").await;
    site.cluster.sessions().age(AFTER_MS);
    let answer = before.ask(&site.app, "/get/theme").await;
    assert_eq!((answer.body.as_str(), answer.removes_the_cookie()), ("nothing", true));
    assert_eq!(browser.ask(&site.app, "/get/theme").await.body, "dark");
}
