//! The headers `Cookie` and `Set-Cookie`.

use cookie::Cookie;
use cookie::time::Duration;
use http::header::{COOKIE, HeaderMap, HeaderValue};

use super::seal::{open, seal};
use super::{Content, CookieConfig, SameSite};

/// No cookie that this layer sets is longer.
const VALUE_BYTES_MAX: usize = 4_096;
/// Cookies of the name that are tried in one request: other paths and domains may add their own.
const COOKIES_MAX: usize = 4;

/// A cookie that a request showed.
pub(in crate::web) struct Shown {
    pub(in crate::web) content: Content,
    /// An older key made it.
    pub(in crate::web) outdated: bool,
}

/// The first cookie of the name that this configuration could have made.
pub(in crate::web) fn read(config: &CookieConfig, headers: &HeaderMap) -> Option<Shown> {
    // Another cookie may hold bytes that are no text; that is no reason to lose this one.
    let lines = headers.get_all(COOKIE).into_iter();
    let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    let cookies = lines.flat_map(Cookie::split_parse::<String>).filter_map(Result::ok);
    let mut named = cookies.filter(|cookie| cookie.name() == config.name).take(COOKIES_MAX);
    named.find_map(|cookie| parse(config, cookie.value()))
}

pub(super) fn parse(config: &CookieConfig, value: &str) -> Option<Shown> {
    if value.len() > VALUE_BYTES_MAX {
        return None;
    }
    let opened = open(&config.mode, &config.name, value)?;
    let content = Content::parse(&opened.text, config.token_bytes_max)?;
    Some(Shown { content, outdated: opened.outdated })
}

/// The header that shows a session to the browser. None cannot happen with a
/// configuration that was checked.
pub(in crate::web) fn set(config: &CookieConfig, content: &Content) -> Option<HeaderValue> {
    let sealed = seal(&config.mode, &config.name, content.encode(config.token_bytes_max))?;
    let mut cookie = base(config, sealed);
    if let Some(max_age_s) = config.max_age_s {
        cookie.set_max_age(Duration::seconds(max_age_s.into()));
    }
    header(&cookie)
}

/// The header that makes the browser forget the cookie.
pub(in crate::web) fn removal(config: &CookieConfig) -> Option<HeaderValue> {
    let mut cookie = base(config, String::new());
    cookie.make_removal();
    header(&cookie)
}

fn base(config: &CookieConfig, value: String) -> Cookie<'static> {
    let cookie = Cookie::build((config.name.clone(), value))
        .path(config.path.clone())
        .secure(config.secure)
        .http_only(config.http_only)
        .same_site(match config.same_site {
            SameSite::Strict => cookie::SameSite::Strict,
            SameSite::Lax => cookie::SameSite::Lax,
            SameSite::None => cookie::SameSite::None,
        });
    match &config.domain {
        Some(domain) => cookie.domain(domain.clone()).build(),
        None => cookie.build(),
    }
}

/// Marked as sensitive, so that no `Debug` of the headers shows it.
fn header(cookie: &Cookie<'_>) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&cookie.to_string()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
