//! What the log holds of one session.

use super::log::LogEntry;
use super::{Core, Engine};
use crate::session::{Key, Partition};

/// As much of the log is looked through, in bytes, the newest part of it.
const JOURNAL_BYTES_MAX: usize = 16 << 20;

impl Engine {
    /// The entries of one session that the newest part of the log holds, in no order.
    pub async fn journal(&self, key: Key) -> Vec<LogEntry> {
        let core = &self.core;
        let mut found = Vec::new();
        for number in core.newest_blocks(key.partition(core.config.partition_count)) {
            let Some(block) = core.block(number).await else { continue };
            let of_session = block.entries.iter().filter(|entry| entry.key == key);
            found.extend(of_session.map(|entry| LogEntry::clone(entry)));
        }
        found
    }
}

impl Core {
    fn newest_blocks(&self, partition: Partition) -> Vec<u64> {
        let blocks_max = JOURNAL_BYTES_MAX / self.config.block_bytes_max;
        let Some(cell) = self.cell(partition) else { return Vec::new() };
        cell.state.lock().index.newest_blocks().take(blocks_max.max(1)).collect()
    }
}
