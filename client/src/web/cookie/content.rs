//! What a cookie says: `<id>` or `<id>.<causal token>`; an id is `<first id>`, or, once it
//! was rotated, `<first id>~<secret>`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::{CausalToken, SessionId};

/// Ids are minted by nodes: 32 random bytes as base64url.
const ID_BYTES: usize = 32;
/// What a rotation puts behind the first id: 16 random bytes as base64url.
const SECRET_BYTES: usize = 16;
const SECRET_SEPARATOR: char = '~';
const SEPARATOR: char = '.';

/// A session and what its user has seen of it.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::web) struct Content {
    pub(in crate::web) id: SessionId,
    /// Empty: nothing is known.
    pub(in crate::web) token: CausalToken,
}

impl Content {
    /// None: this is nothing that [`Content::encode`] writes. A token beyond
    /// `token_bytes_max` is left out, and with it the wait for what it names.
    pub(super) fn parse(text: &str, token_bytes_max: usize) -> Option<Self> {
        let (id, token) = text.split_once(SEPARATOR).unwrap_or((text, ""));
        let is_bytes =
            |text: &str, count| URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == count);
        let (first, secret) = id.split_once(SECRET_SEPARATOR).map_or((id, None), |(id, it)| (id, Some(it)));
        if !is_bytes(first, ID_BYTES) || !secret.is_none_or(|secret| is_bytes(secret, SECRET_BYTES)) {
            return None;
        }
        let token: CausalToken = token.parse().ok()?;
        let token = if token.as_bytes().len() <= token_bytes_max { token } else { CausalToken::default() };
        Some(Self { id: id.into(), token })
    }

    /// The text of a cookie; a token that is too large is left out.
    pub(super) fn encode(&self, token_bytes_max: usize) -> String {
        let (id, bytes) = (self.id.reveal(), self.token.as_bytes().len());
        if bytes == 0 || bytes > token_bytes_max {
            return id.to_owned();
        }
        format!("{id}{SEPARATOR}{}", self.token)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content(..)")
    }
}
