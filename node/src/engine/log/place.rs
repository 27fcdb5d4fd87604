//! Reading the log from a place on, as long as it is in memory.

use std::sync::Arc;

use tokio::sync::futures::Notified;

use super::{Log, LogEntry};

/// A place in this start's log, between two entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace {
    block: u64,
    index: usize,
}

impl Log {
    /// The place after the newest entry.
    pub(in crate::engine) fn end(&self) -> LogPlace {
        let blocks = self.blocks.lock();
        LogPlace { block: blocks.open_number, index: blocks.open.len() }
    }

    /// Resolves after the next entry.
    pub(in crate::engine) fn grown(&self) -> Notified<'_> {
        self.grown.notified()
    }

    /// Wakes those who wait for an entry.
    pub(in crate::engine) fn tell_followers(&self) {
        self.grown.notify_waiters();
    }

    /// Entries after a place, at most `items_max`, and the place after them; none if
    /// the place is no longer in memory.
    pub(in crate::engine) fn after(
        &self,
        place: LogPlace,
        items_max: usize,
    ) -> Option<(Vec<Arc<LogEntry>>, LogPlace)> {
        let blocks = self.blocks.lock();
        let (mut entries, mut place) = (Vec::new(), place);
        loop {
            let is_open = place.block == blocks.open_number;
            let held = match blocks.recent.get(&place.block) {
                _ if is_open => &blocks.open,
                Some(block) => &block.entries,
                None => return None,
            };
            let wanted = held.iter().skip(place.index).take(items_max - entries.len());
            let before = entries.len();
            entries.extend(wanted.cloned());
            place.index += entries.len() - before;
            if is_open || entries.len() == items_max {
                return Some((entries, place));
            }
            place = LogPlace { block: place.block + 1, index: 0 };
        }
    }
}
