use http::header::{COOKIE, HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::content::Content;
use super::header::parse;
use super::{CookieConfig, CookieKeys, CookieMode, SameSite, read, removal, set};
use crate::config::ConfigError;
use crate::model::CausalToken;

const ID: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn keys(first_bytes: &[u8]) -> CookieKeys {
    CookieKeys::new(first_bytes.iter().map(|byte| [*byte; 64])).unwrap()
}

fn modes(first_bytes: &[u8]) -> [CookieMode; 2] {
    [CookieMode::Signed(keys(first_bytes)), CookieMode::Encrypted(keys(first_bytes))]
}

fn with(mode: CookieMode) -> CookieConfig {
    CookieConfig { mode, ..CookieConfig::default() }
}

fn content(token: &[u8]) -> Content {
    Content { id: ID.into(), token: CausalToken::from_bytes(token.to_vec()) }
}

/// The value in the header that sets a cookie.
fn value(config: &CookieConfig, content: &Content) -> String {
    let header = set(config, content).unwrap().to_str().unwrap().to_owned();
    let (pair, _) = header.split_once(';').unwrap();
    pair.strip_prefix(&format!("{}=", config.name)).unwrap().to_owned()
}

fn refused(config: &CookieConfig) -> &'static str {
    match config.validate() {
        Err(ConfigError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_default_is_the_strictest_that_browsers_know() {
    let header = set(&CookieConfig::default(), &content(b"")).unwrap();
    assert!(header.is_sensitive());
    let expected = format!("__Host-session={ID}; HttpOnly; SameSite=Lax; Secure; Path=/");
    assert_eq!(header.to_str().unwrap(), expected);
    let removal = removal(&CookieConfig::default()).unwrap();
    let removal = removal.to_str().unwrap();
    assert!(removal.starts_with("__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0;"));
}

#[test]
fn a_host_name_demands_what_browsers_demand() {
    assert_eq!(CookieConfig::default().validate(), Ok(()));
    let broken = [
        CookieConfig { secure: false, ..CookieConfig::default() },
        CookieConfig { path: "/shop".into(), ..CookieConfig::default() },
        CookieConfig { domain: Some("example.org".into()), ..CookieConfig::default() },
        CookieConfig { name: "__hOST-x".into(), secure: false, ..CookieConfig::default() },
        CookieConfig { name: "__Secure-x".into(), secure: false, ..CookieConfig::default() },
    ];
    assert!(broken.iter().all(|config| refused(config) == "cookie.name"));
    let error = broken[0].validate().unwrap_err().to_string();
    assert_eq!(error, "cookie.name: a __Host- name needs secure, the path / and no domain");
}

#[test]
fn every_field_is_checked() {
    let named = |name: &str| CookieConfig { name: name.into(), ..CookieConfig::default() };
    for name in ["", "a b", "a=b", "a;b", "ä", &"x".repeat(129)] {
        assert_eq!(refused(&named(name)), "cookie.name");
    }
    for path in ["", "shop", "/;x", "/\n"] {
        assert_eq!(refused(&CookieConfig { path: path.into(), ..named("sid") }), "cookie.path");
    }
    let domain = Some("a;b".to_owned());
    assert_eq!(refused(&CookieConfig { domain, ..named("sid") }), "cookie.domain");
    let lax = CookieConfig { secure: false, same_site: SameSite::None, ..named("sid") };
    assert_eq!(refused(&lax), "cookie.same_site");
    for seconds in [0, 400 * 86_400 + 1] {
        let config = CookieConfig { max_age_s: Some(seconds), ..named("sid") };
        assert_eq!(refused(&config), "cookie.max_age_s");
    }
    let large = CookieConfig { token_bytes_max: 1_025, ..named("sid") };
    assert_eq!(refused(&large), "cookie.token_bytes_max");
}

#[test]
fn keys_have_a_least_length_and_are_not_shown() {
    assert!(CookieKeys::new([[7; 63]]).is_err());
    assert!(CookieKeys::new(Vec::<Vec<u8>>::new()).is_err());
    assert!(CookieKeys::new(vec![[7_u8; 64]; 9]).is_err());
    assert_eq!(format!("{:?}", with(CookieMode::Signed(keys(&[7, 8]))).mode), "Signed(CookieKeys(2))");
}

#[test]
fn the_largest_cookie_is_within_what_browsers_keep() {
    let config = CookieConfig {
        name: "n".repeat(128),
        path: format!("/{}", "p".repeat(255)),
        domain: Some("d".repeat(253)),
        max_age_s: Some(400 * 86_400),
        token_bytes_max: 1_024,
        mode: CookieMode::Encrypted(keys(&[1])),
        ..CookieConfig::default()
    };
    config.validate().unwrap();
    assert!(set(&config, &content(&[0xff; 1_024])).unwrap().len() <= 4_096);
}

#[test]
fn a_token_that_is_too_large_is_left_out() {
    let config = CookieConfig { token_bytes_max: 3, ..CookieConfig::default() };
    assert_eq!(value(&config, &content(b"abcd")), ID);
    assert_eq!(value(&config, &content(b"abc")), format!("{ID}.YWJj"));
    let shown = parse(&config, &format!("{ID}.YWJjZA")).unwrap();
    assert_eq!(shown.content, content(b""));
}

#[test]
fn only_what_a_node_minted_can_be_an_id() {
    let config = CookieConfig::default();
    let wrong = ["", "short", &"A".repeat(44), &format!("{}!", &ID[1..]), &format!("{ID}.a?"), "A..B"];
    assert!(wrong.iter().all(|value| parse(&config, value).is_none()));
    assert!(parse(&config, &format!("{ID}.{}", "A".repeat(5_000))).is_none(), "too long");
}

#[test]
fn an_older_key_opens_and_the_first_one_seals() {
    for (before, (during, after)) in modes(&[1]).into_iter().zip(modes(&[2, 1]).into_iter().zip(modes(&[2])))
    {
        let (before, during, after) = (with(before), with(during), with(after));
        let first = value(&before, &content(b"t"));
        let shown = parse(&during, &first).unwrap();
        assert!(shown.outdated && shown.content == content(b"t"));
        assert!(parse(&after, &first).is_none(), "the old key is gone");
        let second = value(&during, &shown.content);
        assert!(!parse(&after, &second).unwrap().outdated);
    }
}

#[test]
fn one_mode_does_not_open_what_another_made() {
    let [signed, encrypted] = modes(&[1]).map(with);
    let plain = CookieConfig::default();
    for (maker, opener) in
        [(&signed, &encrypted), (&encrypted, &signed), (&plain, &signed), (&plain, &encrypted)]
    {
        assert!(parse(opener, &value(maker, &content(b""))).is_none());
    }
    assert!(!value(&encrypted, &content(b"")).contains(ID));
}

#[test]
fn the_first_cookie_that_opens_counts() {
    let [config, _] = modes(&[1]).map(with);
    let sealed = value(&config, &content(b""));
    let mut headers = HeaderMap::new();
    headers.append(COOKIE, HeaderValue::from_bytes(b"\xff").unwrap());
    headers.append(COOKIE, HeaderValue::from_static("a=1; __Host-session=planted; ;;=;"));
    let line = [b"b=\xff\xfe; __Host-session=", sealed.as_bytes()].concat();
    headers.append(COOKIE, HeaderValue::from_bytes(&line).unwrap());
    assert_eq!(read(&config, &headers).unwrap().content, content(b""));
}

proptest! {
    #[test]
    fn any_header_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let Ok(header) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        let headers = HeaderMap::from_iter([(COOKIE, header)]);
        for mode in modes(&[1]).into_iter().chain([CookieMode::Plain]) {
            prop_assert!(read(&with(mode), &headers).is_none());
        }
    }

    #[test]
    fn any_value_is_parsed_without_a_panic(value in ".{0,200}") {
        for mode in modes(&[1]).into_iter().chain([CookieMode::Plain]) {
            prop_assert!(parse(&with(mode), &value).is_none());
        }
    }

    #[test]
    fn what_is_set_is_read(token in proptest::collection::vec(any::<u8>(), 0..=512)) {
        for mode in modes(&[1]).into_iter().chain([CookieMode::Plain]) {
            let config = with(mode);
            let shown = parse(&config, &value(&config, &content(&token))).unwrap();
            prop_assert!(shown.content == content(&token) && !shown.outdated);
        }
    }

    #[test]
    fn a_forged_cookie_is_never_accepted(at in 0_usize..1_000, flipped in 1_u8..128) {
        for config in modes(&[1]).map(with) {
            let sealed = value(&config, &content(b"token"));
            let mut forged = sealed.clone().into_bytes();
            let at = at % forged.len();
            forged[at] ^= flipped;
            let Ok(forged) = String::from_utf8(forged) else { continue };
            prop_assert!(parse(&config, &forged).is_none(), "byte {at}");
        }
    }
}
