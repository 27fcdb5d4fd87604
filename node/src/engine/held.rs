//! Remote entries from the future: kept until their stamp is due.

use std::collections::BTreeMap;

use super::log::LogEntry;

/// Bounded in bytes; what finds no room is dropped, and gossip brings it again.
#[derive(Debug, Default)]
pub(super) struct Held {
    by_due_ms: BTreeMap<u64, Vec<LogEntry>>,
    bytes: usize,
}

impl Held {
    /// Keeps an entry, unless there is no room or it is kept already; false if there is none.
    pub(super) fn add(&mut self, due_ms: u64, entry: LogEntry, bytes_max: usize) -> bool {
        let due = self.by_due_ms.entry(due_ms).or_default();
        if due.contains(&entry) {
            return true;
        }
        if self.bytes + entry.bytes() > bytes_max {
            return false;
        }
        self.bytes += entry.bytes();
        due.push(entry);
        true
    }

    /// Takes out what is due.
    pub(super) fn due(&mut self, now_ms: u64) -> Vec<LogEntry> {
        let later = self.by_due_ms.split_off(&now_ms.saturating_add(1));
        let due = std::mem::replace(&mut self.by_due_ms, later);
        let entries: Vec<_> = due.into_values().flatten().collect();
        self.bytes -= entries.iter().map(LogEntry::bytes).sum::<usize>();
        entries
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_due_ms.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
