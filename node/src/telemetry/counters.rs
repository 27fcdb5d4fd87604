//! Counters of what was served since the start.

use std::sync::atomic::{AtomicU64, Ordering};

/// Calls served since the start. A batch counts each of its items.
#[derive(Debug, Default)]
pub struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    replays: AtomicU64,
    exported: AtomicU64,
    imported: AtomicU64,
}

impl Counters {
    /// Counts reads.
    pub fn add_reads(&self, count: u64) {
        self.reads.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts a write.
    pub fn add_write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the use of an id that had been replaced.
    pub fn add_replay(&self) {
        self.replays.fetch_add(1, Ordering::Relaxed);
    }

    /// Uses of replaced ids so far.
    #[must_use]
    pub fn replays(&self) -> u64 {
        self.replays.load(Ordering::Relaxed)
    }

    /// Counts records that were handed out by an export.
    pub fn add_exported(&self, count: u64) {
        self.exported.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts records that an import has made or changed.
    pub fn add_imported(&self, count: u64) {
        self.imported.fetch_add(count, Ordering::Relaxed);
    }

    /// Records exported so far.
    #[must_use]
    pub fn exported(&self) -> u64 {
        self.exported.load(Ordering::Relaxed)
    }

    /// Records imported so far.
    #[must_use]
    pub fn imported(&self) -> u64 {
        self.imported.load(Ordering::Relaxed)
    }

    /// Reads so far.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Writes so far.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }
}
