//! PURE. What a checkpoint takes from a partition.

use std::time::Duration;

use bytes::Bytes;

use super::PartitionState;
use crate::engine::metadata::Metadata;
use crate::session::Key;

/// What a checkpoint writes, all of it in one batch.
#[derive(Debug)]
pub(in crate::engine) struct Snapshot {
    pub(in crate::engine) records: Vec<(Key, Option<Bytes>)>,
    pub(in crate::engine) metadata: Vec<u8>,
}

impl PartitionState {
    /// Starts a checkpoint; none if there is nothing to write or one is under way.
    pub(in crate::engine) fn start_checkpoint(&mut self, now: Duration) -> Option<Snapshot> {
        if !self.metadata_changed || !self.flushing.is_empty() || self.flushing_block.is_some() {
            return None;
        }
        self.metadata_changed = false;
        self.flushing = std::mem::take(&mut self.dirty);
        if planted!(CheckpointAheadOfRecords) {
            self.dirty.extend(self.flushing.pop_last());
        }
        self.flushing_bytes = std::mem::take(&mut self.dirty_bytes);
        self.flushing_block = self.first_block.take();
        let state = |key: &Key| self.slots.get(key).and_then(|slot| slot.state.clone());
        let records = self.flushing.iter().map(|key| (*key, state(key))).collect();
        let is_recounted = self.recount.is_some();
        let metadata =
            Metadata::encode(&self.vectors, self.digest, is_recounted, &self.partial, &self.glimpses, now);
        Some(Snapshot { records, metadata })
    }

    /// Ends a checkpoint that is in the store: what has not changed since is no longer pinned.
    pub(in crate::engine) fn finish_checkpoint(&mut self) {
        self.flushing_block = None;
        self.flushing_bytes = 0;
        for key in std::mem::take(&mut self.flushing) {
            if self.dirty.contains(&key) {
                continue;
            }
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            slot.pinned = false;
            if slot.state.is_none() {
                self.drop_slot(&key);
            }
        }
    }

    /// What a checkpoint has written is synced.
    pub(in crate::engine) fn checkpoint_synced(&mut self) {
        let dirty = &self.dirty;
        self.unlogged.retain(|key| dirty.contains(key));
    }

    /// The oldest log block that a restart would need for this partition.
    pub(in crate::engine) fn needed_block(&self) -> Option<u64> {
        self.flushing_block.or(self.first_block)
    }
}
