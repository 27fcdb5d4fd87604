//! How far expiries have been told.

use crate::session::Key;

/// Everything that expired up to here is told: first by time, then by key, so that no
/// two sessions are at the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Frontier {
    /// In milliseconds since the Unix epoch.
    pub ms: u64,
    /// The last one told of those that expired in this millisecond.
    pub key: Key,
}

impl Frontier {
    /// All of a millisecond is told.
    #[must_use]
    pub fn end_of(ms: u64) -> Self {
        Self { ms, key: Key([0xff; 16]) }
    }
}
