//! The end of a session.

use std::sync::Arc;

use super::Stamp;

/// A session's end: it beats every other state and is never taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revocation {
    /// When and by whom.
    pub stamp: Stamp,
    /// Why, for audit.
    pub reason: Arc<str>,
}

impl Revocation {
    /// Joins two: the first by stamp stays.
    pub fn merge(&mut self, other: Self) {
        if other < *self {
            *self = other;
        }
    }
}
