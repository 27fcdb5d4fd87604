//! The end of a session.

use std::sync::Arc;

use super::{Dot, Stamp};

/// A session's end: it beats every other state and is never taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revocation {
    /// When and by whom.
    pub stamp: Stamp,
    /// The number of the write: whoever holds that write holds this end.
    pub seq: u64,
    /// Why, for audit.
    pub reason: Arc<str>,
}

impl Revocation {
    /// The write that ended the session.
    #[must_use]
    pub fn dot(&self) -> Dot {
        Dot { origin: self.stamp.origin, seq: self.seq }
    }

    /// Joins two: the first by stamp stays.
    pub fn merge(&mut self, other: Self) {
        if other < *self {
            *self = other;
        }
    }
}
