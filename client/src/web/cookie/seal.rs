//! Signing and encryption, as the `cookie` crate does them.

use cookie::{Cookie, CookieJar, Key};

use super::CookieMode;
use super::keys::CookieKeys;

/// What a sealed text held, and whether it should be sealed anew.
pub(super) struct Opened {
    pub(super) text: String,
    /// An older key opened it.
    pub(super) outdated: bool,
}

/// None: not sealed by one of the keys.
pub(super) fn open(mode: &CookieMode, name: &str, sealed: &str) -> Option<Opened> {
    match mode {
        CookieMode::Plain => Some(Opened { text: sealed.to_owned(), outdated: false }),
        CookieMode::Signed(keys) => {
            open_with(keys, name, sealed, |jar, key, cookie| jar.signed(key).verify(cookie))
        }
        CookieMode::Encrypted(keys) => {
            open_with(keys, name, sealed, |jar, key, cookie| jar.private(key).decrypt(cookie))
        }
    }
}

fn open_with(
    keys: &CookieKeys,
    name: &str,
    sealed: &str,
    open: impl Fn(&CookieJar, &Key, Cookie<'static>) -> Option<Cookie<'static>>,
) -> Option<Opened> {
    let jar = CookieJar::new();
    keys.all().enumerate().find_map(|(age, key)| {
        let opened = open(&jar, key, Cookie::new(name.to_owned(), sealed.to_owned()))?;
        Some(Opened { text: opened.value().to_owned(), outdated: age > 0 })
    })
}

/// None: there is no key, which [`CookieKeys::new`] rules out.
pub(super) fn seal(mode: &CookieMode, name: &str, text: String) -> Option<String> {
    let mut jar = CookieJar::new();
    let cookie = Cookie::new(name.to_owned(), text);
    match mode {
        CookieMode::Plain => jar.add(cookie),
        CookieMode::Signed(keys) => jar.signed_mut(keys.first()?).add(cookie),
        CookieMode::Encrypted(keys) => jar.private_mut(keys.first()?).add(cookie),
    }
    jar.get(name).map(|cookie| cookie.value().to_owned())
}
