//! Which session an entry is of.

use crate::routing::first_id;

const SEPARATOR: &[u8] = &[0];

/// Hashes of a namespace and an id: the cache keeps no ids.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    /// The same for all ids that the session ever has.
    pub(super) session: [u8; blake3::OUT_LEN],
    /// Of the id as it was shown.
    pub(super) id: [u8; blake3::OUT_LEN],
}

impl Key {
    pub(crate) fn of(namespace: &str, id: &str) -> Self {
        let hash = |id: &str| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(namespace.as_bytes()).update(SEPARATOR).update(id.as_bytes());
            *hasher.finalize().as_bytes()
        };
        Self { session: hash(first_id(id)), id: hash(id) }
    }

    pub(super) fn stripe(&self) -> usize {
        self.session[0].into()
    }
}
