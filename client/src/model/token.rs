//! What a caller has seen or written, to be shown to a later call.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use thiserror::Error;

/// Names a write or a read state; opaque.
///
/// Every answer carries one. A later call that shows it, in any region, sees at
/// least that state or fails with [`Error::NotYet`](crate::Error::NotYet).
/// It is no secret and fits in a header or a cookie as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CausalToken(Bytes);

/// The text is not a causal token.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a causal token is base64url text without padding, as an earlier answer gave it")]
pub struct TokenError;

impl CausalToken {
    /// Takes the bytes of an earlier token.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The token's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn to_wire(&self) -> Bytes {
        self.0.clone()
    }
}

impl fmt::Display for CausalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl FromStr for CausalToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        URL_SAFE_NO_PAD.decode(text).map(|bytes| Self(bytes.into())).map_err(|_| TokenError)
    }
}
