//! The cookie between a browser and the application.

use sojourn_client::web::{CookieKeys, CookieMode, SessionConfig, SessionLayer};

use super::{site, site_with};
use crate::browser::{Browser, app};

fn keys(first_bytes: &[u8]) -> CookieKeys {
    CookieKeys::new(first_bytes.iter().map(|byte| [*byte; 64])).unwrap()
}

#[tokio::test]
async fn by_default_the_cookie_is_a_host_cookie_with_a_token() {
    let site = site().await;
    let answer = Browser::default().ask(&site.app, "/set/theme/dark").await;
    let set = answer.set_cookie.unwrap();
    assert!(set.starts_with("__Host-session=AAAA"), "{set}");
    assert!(set.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"), "{set}");
    assert!(set.contains(".dA;"), "the fake's token is t: {set}");
}

#[tokio::test]
async fn no_id_is_taken_over_from_a_cookie() {
    let site = site().await;
    let planted = "C".repeat(42) + "A";
    for value in [planted.as_str(), "short", "", "..", "a b"] {
        let mut browser = Browser { cookie: Some(format!("__Host-session={value}")) };
        let answer = browser.ask(&site.app, "/set/theme/dark").await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "dark"), "{value}");
        assert_ne!(browser.value(), value);
        assert_ne!(browser.id().reveal(), planted);
    }
    assert!(site.client.get("shop", &planted.as_str().into()).await.is_err());
}

#[tokio::test]
async fn a_forged_cookie_is_found_out_without_a_call() {
    for mode in [CookieMode::Signed(keys(&[1])), CookieMode::Encrypted(keys(&[1]))] {
        let site = site_with(|config| config.cookie.mode = mode).await;
        let mut browser = Browser::default();
        browser.ask(&site.app, "/set/theme/dark").await;
        assert_eq!(browser.ask(&site.app, "/get/theme").await.body, "dark");
        site.calls();
        let (rest, last) = browser.value().split_at(browser.value().len() - 1);
        let forged = format!("__Host-session={rest}{}", if last == "A" { "B" } else { "A" });
        let mut forger = Browser { cookie: Some(forged) };
        assert_eq!(forger.ask(&site.app, "/get/theme").await.body, "nothing");
        let mut plain = Browser { cookie: Some(format!("__Host-session={}", "A".repeat(43))) };
        assert_eq!(plain.ask(&site.app, "/get/theme").await.body, "nothing");
        assert!(site.calls().is_empty());
    }
}

#[tokio::test]
async fn a_cookie_of_an_older_key_is_sent_anew() {
    let site = site_with(|config| config.cookie.mode = CookieMode::Signed(keys(&[1]))).await;
    let with = |first_bytes: &[u8]| {
        let mut config = SessionConfig::new("shop");
        config.cookie.mode = CookieMode::Signed(keys(first_bytes));
        app(SessionLayer::new(site.client.clone(), config).unwrap()).0
    };
    let (during, after) = (with(&[2, 1]), with(&[2]));
    let mut browser = Browser::default();
    browser.ask(&site.app, "/set/theme/dark").await;
    let unturned = browser.clone();
    let answer = browser.ask(&during, "/get/theme").await;
    assert!(answer.body == "dark" && answer.set_cookie.is_some());
    assert!(browser.ask(&during, "/get/theme").await.set_cookie.is_none(), "once");
    assert_eq!(browser.ask(&after, "/get/theme").await.body, "dark");
    assert_eq!(unturned.clone().ask(&after, "/get/theme").await.body, "nothing");
}

#[tokio::test]
async fn a_lasting_cookie_is_kept_by_use() {
    let site = site_with(|config| {
        config.cookie.max_age_s = Some(86_400);
        config.cookie.token_bytes_max = 0;
    })
    .await;
    let mut browser = Browser::default();
    let created = browser.ask(&site.app, "/set/theme/dark").await;
    assert!(created.set_cookie.unwrap().contains("Max-Age=86400"));
    assert_eq!(browser.value().len(), 43, "no token");
    assert!(browser.ask(&site.app, "/set/theme/light").await.set_cookie.is_some());
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_at_once() {
    let site = site().await;
    let refused = |change: fn(&mut SessionConfig)| {
        let mut config = SessionConfig::new("shop");
        change(&mut config);
        SessionLayer::new(site.client.clone(), config).unwrap_err().to_string()
    };
    let problem = refused(|config| config.cookie.secure = false);
    assert_eq!(problem, "cookie.name: a __Host- name needs secure, the path / and no domain");
    assert!(refused(|config| config.namespace = "Shop".into()).starts_with("namespace: "));
    assert!(refused(|config| config.touch_after_percent = 0).starts_with("touch_after_percent: "));
    assert!(refused(|config| config.token_wait_ms = 0).starts_with("token_wait_ms: "));
    assert!(refused(|config| config.rotation_grace_ms = 600_001).starts_with("rotation_grace_ms: "));
    assert!(refused(|config| config.rotate_after_ms = Some(60_000)).starts_with("rotate_after_ms: "));
    assert!(refused(|config| config.idle_timeout_ms = Some(0)).starts_with("idle_timeout_ms: "));
}

#[tokio::test]
async fn nothing_shows_what_a_cookie_says() {
    let site = site().await;
    let mut browser = Browser::default();
    let answer = browser.ask(&site.app, "/set/theme/dark").await;
    let shown = format!("{:?}", answer.headers);
    assert!(shown.contains("Sensitive") && !shown.contains(browser.value()), "{shown}");
}
