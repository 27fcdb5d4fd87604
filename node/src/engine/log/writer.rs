//! What the log's one writer does: blocks to the store, syncs, old blocks away.

use std::sync::Arc;

use super::{Block, Blocks, Log};
use crate::store::keys::{BlockKey, StoreKey};
use crate::store::{Batch, Store, StoreError, Tree};

/// Blocks dropped in one batch.
const DROPS_MAX: usize = 64;

/// What the writer does next.
pub(in crate::engine) struct Work {
    blocks: Vec<Arc<Block>>,
    sync: bool,
}

impl Log {
    /// What is to be done now; `all` closes the open block and syncs everything.
    pub(in crate::engine) fn take_work(&self, all: bool) -> Option<Work> {
        let mut blocks = self.blocks.lock();
        if blocks.failed {
            return None;
        }
        let sync_wanted = std::mem::take(&mut blocks.sync_wanted);
        let write_wanted = std::mem::take(&mut blocks.write_wanted);
        if all || sync_wanted || write_wanted {
            self.close(&mut blocks);
        }
        let unsynced = {
            let progress = self.progress.borrow();
            progress.synced < progress.written || !blocks.closed.is_empty()
        };
        let work = Work { blocks: blocks.closed.drain(..).collect(), sync: unsynced && (all || sync_wanted) };
        (work.sync || !work.blocks.is_empty()).then_some(work)
    }

    /// Does it, waiting for the disk.
    pub(in crate::engine) fn write(&self, store: &dyn Store, work: &Work) {
        match write(store, work) {
            Ok(sizes) => self.wrote(work, &sizes),
            Err(_) if planted!(DiskErrorsIgnored) => self.wrote(work, &vec![0; work.blocks.len()]),
            Err(error) => self.fail(&format!("the log cannot be written: {error}")),
        }
    }

    fn wrote(&self, work: &Work, sizes: &[u64]) {
        let mut blocks = self.blocks.lock();
        for (block, size) in work.blocks.iter().zip(sizes) {
            blocks.pending_bytes = blocks.pending_bytes.saturating_sub(block.bytes());
            blocks.on_disk.insert(block.number, *size);
            blocks.disk_bytes += size;
        }
        let written = work.blocks.last().map(|block| block.number + 1);
        self.forget_old(&mut blocks, written.unwrap_or_default());
        drop(blocks);
        self.progress.send_modify(|progress| {
            progress.written = written.unwrap_or(progress.written);
            if work.sync {
                progress.synced = progress.written;
            }
        });
    }

    fn forget_old(&self, blocks: &mut Blocks, written: u64) {
        while blocks.recent_bytes > self.memory_bytes_max {
            let Some(oldest) = blocks.recent.first_entry() else { break };
            if *oldest.key() >= written {
                break;
            }
            let block = oldest.remove();
            blocks.recent_bytes = blocks.recent_bytes.saturating_sub(block.bytes());
        }
    }

    /// Drops the oldest blocks while the log is too large, none from `needed` on. Says what is the oldest left.
    pub(in crate::engine) fn truncate(&self, store: &dyn Store, needed: u64) -> Result<u64, StoreError> {
        loop {
            let mut batch = Batch::default();
            let mut blocks = self.blocks.lock();
            while blocks.disk_bytes > self.disk_bytes_max && batch.changes.len() < DROPS_MAX {
                let Some(oldest) = blocks.on_disk.first_entry().filter(|oldest| *oldest.key() < needed)
                else {
                    break;
                };
                let (number, size) = oldest.remove_entry();
                blocks.disk_bytes -= size;
                batch.remove(Tree::Log, BlockKey(number).encode());
            }
            let first = blocks.on_disk.first_key_value().map_or(blocks.open_number, |(number, _)| *number);
            drop(blocks);
            if batch.changes.is_empty() {
                return Ok(first);
            }
            store.apply(batch)?;
        }
    }
}

fn write(store: &dyn Store, work: &Work) -> Result<Vec<u64>, StoreError> {
    let mut sizes = Vec::with_capacity(work.blocks.len());
    let mut batch = Batch::default();
    for block in &work.blocks {
        let bytes = block.encode();
        sizes.push(bytes.len() as u64);
        batch.put(Tree::Log, BlockKey(block.number).encode(), bytes);
    }
    if !batch.changes.is_empty() {
        store.apply(batch)?;
    }
    if work.sync {
        store.sync()?;
    }
    Ok(sizes)
}
