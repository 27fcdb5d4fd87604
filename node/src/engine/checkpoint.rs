//! Write-behind: changed records go to the store, coalesced, together with
//! their partition's vectors and digest.

use std::sync::Arc;

use super::error::EngineError;
use super::partition::{EVICTION_STEPS_MAX, PartitionState, SLOT_BYTES, Snapshot};
use super::{Cell, Core};
use crate::session::Partition;
use crate::store::keys::{PartitionKey, RecordKey, StoreKey};
use crate::store::{Batch, Tree};

impl Core {
    /// Writes and syncs everything that has changed, then drops log blocks that are no longer needed.
    pub(super) async fn checkpoint(self: &Arc<Self>) -> Result<(), EngineError> {
        let _one_at_a_time = self.checkpoint_gate.lock().await;
        tracing::debug!("a checkpoint begins");
        let mut written = Vec::new();
        for (number, cell) in self.cells.iter().enumerate() {
            let partition = Partition(u16::try_from(number).unwrap_or(u16::MAX));
            if self.checkpoint_one(partition, cell).await? {
                written.push(cell);
            }
        }
        if !written.is_empty() {
            // Records merged from peers' states are in no log block that would be synced.
            self.on_disk(|core| core.store.sync()).await?;
            written.iter().for_each(|cell| self.with(cell, PartitionState::checkpoint_synced));
            self.checkpointed.notify_waiters();
        }
        self.truncate_log().await
    }

    /// False if there was nothing to write.
    async fn checkpoint_one(
        self: &Arc<Self>,
        partition: Partition,
        cell: &Cell,
    ) -> Result<bool, EngineError> {
        let now = self.env.clock.monotonic();
        let Some(snapshot) = self.with(cell, |state| state.start_checkpoint(now)) else { return Ok(false) };
        // The log first: were only the records kept, peers could no longer be sent what is in them.
        if let Some(block) = self.log.newest() {
            self.log.written(block).await?;
        }
        let batch = batch(partition, snapshot);
        self.on_disk(move |core| core.store.apply(batch)).await?;
        self.with(cell, PartitionState::finish_checkpoint);
        self.checkpointed.notify_waiters();
        Ok(true)
    }

    async fn truncate_log(self: &Arc<Self>) -> Result<(), EngineError> {
        // Before looking at the partitions: entries that come later are in later blocks.
        let newest = self.log.newest().unwrap_or_default();
        let needed =
            self.cells.iter().filter_map(|cell| cell.state.lock().needed_block()).fold(newest, u64::min);
        let first = self.on_disk(move |core| core.log.truncate(&*core.store, needed)).await?;
        for cell in &self.cells {
            cell.state.lock().index.forget_before(first);
        }
        Ok(())
    }

    /// Drops cached records until they fit, as far as they can be read again.
    pub(super) fn evict(&self) {
        use std::sync::atomic::Ordering;
        // The clock hand may need two passes over all records to find what was not used.
        let records = self.cache_bytes.load(Ordering::Relaxed) / SLOT_BYTES;
        let fruitless_max = 2 * (records / EVICTION_STEPS_MAX + 2 * self.cells.len());
        let mut fruitless = 0;
        while self.cache_bytes.load(Ordering::Relaxed) > self.config.cache_bytes_max
            && fruitless < fruitless_max
        {
            let next = self.eviction_hand.fetch_add(1, Ordering::Relaxed) % self.cells.len().max(1);
            let Some(cell) = self.cells.get(next) else { return };
            let freed = self.with(cell, PartitionState::evict);
            fruitless = if freed == 0 { fruitless + 1 } else { 0 };
        }
    }
}

fn batch(partition: Partition, snapshot: Snapshot) -> Batch {
    let mut batch = Batch::default();
    for (key, state) in snapshot.records {
        let place = RecordKey { partition, key }.encode();
        match state {
            Some(state) => batch.put(Tree::Records, place, state),
            None => batch.remove(Tree::Records, place),
        }
    }
    batch.put(Tree::Partitions, PartitionKey(partition).encode(), snapshot.metadata);
    batch
}
