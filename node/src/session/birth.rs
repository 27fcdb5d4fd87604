//! What is settled when a session is created.

use std::sync::Arc;

use super::Stamp;

/// Immutable; every fragment repeats it, so that any late copy carries its own end.
///
/// Replicas of one session hold equal births. Merge takes the lesser of each
/// part all the same, so that a deadline can never grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// The namespace the session belongs to.
    pub namespace: Arc<str>,
    /// When and by whom it was created.
    pub created: Stamp,
    /// When it ends whatever happens, in milliseconds since the Unix epoch.
    pub absolute_deadline_ms: u64,
    /// How long it may lie idle, in milliseconds.
    pub idle_timeout_ms: u64,
}

impl Birth {
    /// Joins two copies: the lesser of each part.
    pub fn merge(&mut self, other: Self) {
        if other.namespace < self.namespace {
            self.namespace = other.namespace;
        }
        self.created = self.created.min(other.created);
        self.absolute_deadline_ms = self.absolute_deadline_ms.min(other.absolute_deadline_ms);
        self.idle_timeout_ms = self.idle_timeout_ms.min(other.idle_timeout_ms);
    }
}
