//! What is known of a record, by memory and by the store.

use bytes::Bytes;

use crate::session::Key;

/// What memory knows of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Lookup {
    /// Its state.
    Held(Bytes),
    /// There is none, here or in the store.
    Absent,
    /// There was one, and the disk lost it: fetch the full state.
    Quarantined,
    /// Ask the store; what it says holds while no more than this has been evicted.
    Cold { evictions: u64 },
}

/// What the store holds of a record.
#[derive(Debug, Clone)]
pub(in crate::engine) enum Stored {
    /// Its state, checked.
    Record(Bytes),
    Nothing,
    /// Bytes that are no record.
    Corrupt,
}

/// What the store said about a record that was not in memory.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Loaded {
    pub(in crate::engine) key: Key,
    pub(in crate::engine) stored: Stored,
    pub(in crate::engine) evictions: u64,
}
