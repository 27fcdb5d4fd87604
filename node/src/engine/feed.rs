//! New entries of this node, for those who pass them on.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::log::LogEntry;

/// A ring of the newest entries that any number of readers follow.
#[derive(Debug)]
pub(super) struct Feed {
    ring: Mutex<Ring>,
    grown: Notify,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Arc<LogEntry>>,
    bytes: usize,
    /// The number of the first entry in the ring, counted from the start.
    first: u64,
}

impl Feed {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { ring: Mutex::default(), grown: Notify::new(), bytes_max }
    }

    pub(super) fn push(&self, entry: Arc<LogEntry>) {
        let mut ring = self.ring.lock();
        ring.bytes += entry.bytes();
        ring.entries.push_back(entry);
        while ring.bytes > self.bytes_max {
            let Some(oldest) = ring.entries.pop_front() else { break };
            ring.bytes -= oldest.bytes();
            ring.first += 1;
        }
        drop(ring);
        self.grown.notify_waiters();
    }
}

/// Follows the writes committed at this node since it was made, oldest first.
///
/// Bounded in bytes: a reader that lags behind the ring skips entries, which
/// gossip then delivers. Entries of other nodes never appear here.
#[derive(Debug)]
pub struct CommitFeed {
    feed: Arc<Feed>,
    next: u64,
    skipped: u64,
}

impl CommitFeed {
    pub(super) fn new(feed: Arc<Feed>) -> Self {
        let ring = feed.ring.lock();
        let next = ring.first + ring.entries.len() as u64;
        drop(ring);
        Self { feed, next, skipped: 0 }
    }

    /// All entries since the last call; waits while there is none.
    pub async fn next(&mut self) -> Vec<Arc<LogEntry>> {
        let feed = Arc::clone(&self.feed);
        loop {
            let grown = feed.grown.notified();
            tokio::pin!(grown);
            // Registered before the look, so that nothing pushed in between is missed.
            grown.as_mut().enable();
            let entries = self.take();
            if !entries.is_empty() {
                return entries;
            }
            grown.await;
        }
    }

    /// How many entries this reader has missed by lagging.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn take(&mut self) -> Vec<Arc<LogEntry>> {
        let ring = self.feed.ring.lock();
        if self.next < ring.first {
            self.skipped += ring.first - self.next;
            self.next = ring.first;
        }
        let from = usize::try_from(self.next - ring.first).unwrap_or(usize::MAX);
        let entries: Vec<_> = ring.entries.iter().skip(from).cloned().collect();
        self.next += entries.len() as u64;
        entries
    }
}
