//! The secret that names a session.

use std::fmt;
use std::sync::Arc;

/// A session's id: whoever holds it holds the session.
///
/// Neither `Debug` nor anything else prints it; [`SessionId::reveal`] is the
/// only way to its text, so that every place that shows an id can be found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Takes an id as it came from [`Created`](crate::Created) or from a cookie.
    /// Nothing is checked here: the node answers a malformed id with an error.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The id itself, for a cookie. Keep it out of logs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SessionId {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for SessionId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}
