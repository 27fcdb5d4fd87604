//! The keys that sign or encrypt cookies.

use std::fmt;
use std::sync::Arc;

use cookie::Key;

use crate::config::{ConfigError, check};

const KEY_BYTES_MIN: usize = 64;
const KEYS_MAX: usize = 8;

/// Keys of a signed or encrypted cookie, newest first. Clones share them; `Debug` shows their number.
///
/// The first key makes cookies; all of them open what they made. To rotate, put
/// the new key first and keep the old one for as long as cookies made with it
/// should still be good: a cookie that an older key opened is sent anew, made
/// with the first. Give the same keys to the application in every region, and
/// use them for nothing else.
#[derive(Clone)]
pub struct CookieKeys(Arc<[Key]>);

impl CookieKeys {
    /// 1 to 8 keys, each at least 64 bytes from a secure random source; of a
    /// longer one the first 64 bytes are used.
    ///
    /// # Errors
    /// There are none or too many, or one of them is too short.
    pub fn new<K: AsRef<[u8]>>(keys: impl IntoIterator<Item = K>) -> Result<Self, ConfigError> {
        let keys: Option<Vec<Key>> = keys.into_iter().map(|key| parse(key.as_ref())).collect();
        let keys = keys.unwrap_or_default();
        let problem = format!("give 1 to {KEYS_MAX} keys of at least {KEY_BYTES_MIN} bytes each");
        check("cookie.keys", (1..=KEYS_MAX).contains(&keys.len()), &problem)?;
        Ok(Self(keys.into()))
    }

    /// The key that makes cookies.
    pub(super) fn first(&self) -> Option<&Key> {
        self.0.first()
    }

    /// All keys, the first one first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }
}

fn parse(key: &[u8]) -> Option<Key> {
    Key::try_from(key.get(..KEY_BYTES_MIN)?).ok()
}

impl fmt::Debug for CookieKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CookieKeys({})", self.0.len())
    }
}
