//! Counters of what was served since the start.

use std::sync::atomic::{AtomicU64, Ordering};

/// Calls served since the start. A batch counts each of its items.
#[derive(Debug, Default)]
pub struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
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
