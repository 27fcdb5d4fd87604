//! How the cookie is set.

use super::keys::CookieKeys;
use crate::config::{ConfigError, check};

/// Browsers keep no cookie for longer (RFC 6265bis).
const MAX_AGE_S_MAX: u32 = 400 * 24 * 60 * 60;
const NAME_BYTES_MAX: usize = 128;
const PATH_BYTES_MAX: usize = 256;
const DOMAIN_BYTES_MAX: usize = 253;
/// With the longest name, path and domain, an encrypted cookie stays below the 4 096 bytes of RFC 6265.
const TOKEN_BYTES_MAX: usize = 1_024;

/// With which requests from other sites a browser sends the cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// With none.
    Strict,
    /// When the user follows a link to this site.
    #[default]
    Lax,
    /// With all of them. The cookie must then be `Secure`.
    None,
}

/// How the cookie says which session it is.
#[derive(Clone, Debug, Default)]
pub enum CookieMode {
    /// The id as it is: 256 random bits that nobody guesses. A forged cookie
    /// costs one read that finds nothing.
    #[default]
    Plain,
    /// The id with a signature (HMAC-SHA-256): a forged cookie is found out
    /// without asking a node.
    Signed(CookieKeys),
    /// The id encrypted (AES-256-GCM): whoever reads the cookie learns nothing
    /// but its length, and what the causal token says stays inside.
    Encrypted(CookieKeys),
}

/// The cookie's name, attributes and mode. Set fields directly.
#[derive(Clone, Debug)]
pub struct CookieConfig {
    /// Its name, at most 128 characters. Default `__Host-session`, which makes
    /// browsers refuse it from anyone but this very host. A name that begins
    /// with `__Host-` needs `secure`, the path `/` and no domain; one with
    /// `__Secure-` needs `secure`.
    pub name: String,
    /// The paths it is sent to. Default `/`.
    pub path: String,
    /// The domain, with its subdomains, it is sent to. Default: this host alone.
    pub domain: Option<String>,
    /// Whether it is sent over HTTPS only. Default true. Browsers, and curl,
    /// take `localhost` for safe too.
    pub secure: bool,
    /// Whether scripts cannot read it. Default true.
    pub http_only: bool,
    /// Whether other sites' requests carry it. Default [`SameSite::Lax`].
    pub same_site: SameSite,
    /// How long a browser keeps it, in seconds, counted anew whenever it is
    /// sent; 1 to 34 560 000 (400 days). Default: until the browser is closed.
    /// It does not lengthen the session itself.
    pub max_age_s: Option<u32>,
    /// Plain, signed or encrypted. Default [`CookieMode::Plain`].
    pub mode: CookieMode,
    /// The largest causal token that the cookie carries, in bytes, at most
    /// 1 024; a larger one is left out. Default 512; 0 for none. With it users
    /// read their own writes whichever region they land in.
    pub token_bytes_max: usize,
}

impl Default for CookieConfig {
    fn default() -> Self {
        Self {
            name: "__Host-session".to_owned(),
            path: "/".to_owned(),
            domain: None,
            secure: true,
            http_only: true,
            same_site: SameSite::default(),
            max_age_s: None,
            mode: CookieMode::default(),
            token_bytes_max: 512,
        }
    }
}

impl CookieConfig {
    pub(in crate::web) fn validate(&self) -> Result<(), ConfigError> {
        let name_ok = is_token(&self.name) && self.name.len() <= NAME_BYTES_MAX;
        check("cookie.name", name_ok, "must be 1 to 128 letters, digits or any of !#$%&'*+-.^_`|~")?;
        let path_ok = self.path.starts_with('/') && is_attribute(&self.path, PATH_BYTES_MAX);
        check("cookie.path", path_ok, "must begin with /, without ; and at most 256 bytes")?;
        let domain_ok = self.domain.as_deref().is_none_or(is_domain);
        check("cookie.domain", domain_ok, "must be a host name, or be left out")?;
        self.check_prefixes()?;
        let sent = self.same_site != SameSite::None || self.secure;
        check("cookie.same_site", sent, "None needs secure: browsers drop the cookie otherwise")?;
        let kept = self.max_age_s.is_none_or(|seconds| (1..=MAX_AGE_S_MAX).contains(&seconds));
        check("cookie.max_age_s", kept, "must be 1 to 34560000 (400 days), or be left out")?;
        check("cookie.token_bytes_max", self.token_bytes_max <= TOKEN_BYTES_MAX, "must be at most 1024")
    }

    /// A browser drops a cookie that breaks the promise of its name, without a word.
    fn check_prefixes(&self) -> Result<(), ConfigError> {
        let begins = |prefix: &str| {
            self.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if begins("__Host-") {
            let whole_host = self.path == "/" && self.domain.is_none();
            let problem = "a __Host- name needs secure, the path / and no domain";
            check("cookie.name", self.secure && whole_host, problem)?;
        }
        check("cookie.name", self.secure || !begins("__Secure-"), "a __Secure- name needs secure")
    }
}

/// A token of RFC 9110.
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

fn is_attribute(text: &str, bytes_max: usize) -> bool {
    text.len() <= bytes_max && text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b';')
}

fn is_domain(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !text.is_empty() && text.len() <= DOMAIN_BYTES_MAX && text.bytes().all(allowed)
}
