//! The replication log, which is also the write-ahead log.
//!
//! Entries of all callers are packed into blocks. One writer task puts closed
//! blocks into the store and syncs it; all callers that wait share one sync
//! (group commit). The newest blocks stay in memory for peers that lag a little.

mod block;
mod index;
mod place;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

pub(super) use block::Block;
pub use block::LogEntry;
pub(super) use index::{Index, Run};
pub use place::LogPlace;

use super::EngineConfig;
use super::error::EngineError;
use crate::store::keys::{BlockKey, StoreKey};
use crate::store::{Store, StoreError, Tree};

/// How far the writer has come.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// All blocks below are in the store.
    written: u64,
    /// All blocks below survive a power loss.
    synced: u64,
    failed: Option<Arc<str>>,
}

#[derive(Debug)]
struct Blocks {
    open: Vec<Arc<LogEntry>>,
    open_bytes: usize,
    open_number: u64,
    closed: VecDeque<Arc<Block>>,
    /// Closed blocks, until there is no room for them.
    recent: BTreeMap<u64, Arc<Block>>,
    recent_bytes: usize,
    /// Entries not yet in the store.
    pending_bytes: usize,
    /// Blocks in the store, with their size.
    on_disk: BTreeMap<u64, u64>,
    disk_bytes: u64,
    write_wanted: bool,
    sync_wanted: bool,
    hlc: u64,
    failed: bool,
}

/// The log of one node.
pub(super) struct Log {
    blocks: Mutex<Blocks>,
    progress: watch::Sender<Progress>,
    wake: Notify,
    grown: Notify,
    block_bytes_max: usize,
    pending_bytes_max: usize,
    memory_bytes_max: usize,
    disk_bytes_max: u64,
}

impl Log {
    /// A log whose blocks are `on_disk` already.
    pub(super) fn new(config: &EngineConfig, on_disk: BTreeMap<u64, u64>, next: u64, hlc: u64) -> Self {
        let progress = Progress { written: next, synced: next, failed: None };
        let disk_bytes = on_disk.values().sum();
        let blocks = Blocks {
            open: Vec::new(),
            open_bytes: 0,
            open_number: next,
            closed: VecDeque::new(),
            recent: BTreeMap::new(),
            recent_bytes: 0,
            pending_bytes: 0,
            on_disk,
            disk_bytes,
            write_wanted: false,
            sync_wanted: false,
            hlc,
            failed: false,
        };
        Self {
            blocks: Mutex::new(blocks),
            progress: watch::Sender::new(progress),
            wake: Notify::new(),
            grown: Notify::new(),
            block_bytes_max: config.block_bytes_max,
            pending_bytes_max: config.log_pending_bytes_max,
            memory_bytes_max: config.log_memory_bytes_max,
            disk_bytes_max: config.log_disk_bytes_max,
        }
    }

    /// Adds an entry; says in which block it will be. Stamps above `hlc_max` are of a clock that was
    /// wrong: later blocks do not name them, or a start would wait for that time as long as there is a log.
    pub(super) fn append(&self, entry: Arc<LogEntry>, hlc: u64, hlc_max: u64) -> Result<u64, EngineError> {
        let mut blocks = self.blocks.lock();
        if blocks.failed {
            return Err(self.failure());
        }
        if blocks.hlc > hlc_max && hlc <= hlc_max {
            // The open block may hold a write with such a stamp.
            self.close(&mut blocks);
            blocks.hlc = hlc;
        }
        let bytes = entry.bytes();
        blocks.open.push(entry);
        blocks.open_bytes += bytes;
        blocks.pending_bytes += bytes;
        blocks.hlc = blocks.hlc.max(hlc);
        let number = blocks.open_number;
        let is_full = blocks.open_bytes >= self.block_bytes_max;
        if is_full {
            self.close(&mut blocks);
        }
        drop(blocks);
        if is_full {
            self.wake.notify_one();
        }
        self.grown.notify_waiters();
        Ok(number)
    }

    fn close(&self, blocks: &mut Blocks) {
        if blocks.open.is_empty() {
            return;
        }
        let entries = std::mem::take(&mut blocks.open);
        let block = Arc::new(Block { number: blocks.open_number, hlc: blocks.hlc, entries });
        blocks.open_number += 1;
        blocks.recent_bytes += std::mem::take(&mut blocks.open_bytes);
        blocks.recent.insert(block.number, Arc::clone(&block));
        blocks.closed.push_back(block);
    }

    /// Waits while too much waits for the disk.
    pub(super) async fn room(&self) -> Result<(), EngineError> {
        if self.has_room() {
            return Ok(());
        }
        let mut progress = self.progress.subscribe();
        loop {
            if let Some(failed) = &progress.borrow_and_update().failed {
                return Err(EngineError::not_ready(failed.as_ref()));
            }
            if self.has_room() {
                return Ok(());
            }
            self.wake.notify_one();
            if progress.changed().await.is_err() {
                return Err(EngineError::not_ready("the engine has stopped"));
            }
        }
    }

    fn has_room(&self) -> bool {
        self.blocks.lock().pending_bytes < self.pending_bytes_max
    }

    /// Waits until a block survives a power loss.
    pub(super) async fn synced(&self, block: u64) -> Result<(), EngineError> {
        self.wait(block, true).await
    }

    /// Waits until a block is in the store.
    pub(super) async fn written(&self, block: u64) -> Result<(), EngineError> {
        self.wait(block, false).await
    }

    async fn wait(&self, block: u64, sync: bool) -> Result<(), EngineError> {
        let is_reached =
            |progress: &Progress| (if sync { progress.synced } else { progress.written }) > block;
        let mut progress = self.progress.subscribe();
        if !is_reached(&progress.borrow()) {
            let mut blocks = self.blocks.lock();
            blocks.sync_wanted |= sync;
            blocks.write_wanted = true;
            drop(blocks);
            self.wake.notify_one();
        }
        let reached = progress.wait_for(|now| now.failed.is_some() || is_reached(now)).await;
        match reached {
            Ok(now) if is_reached(&now) => Ok(()),
            Ok(now) => Err(EngineError::not_ready(now.failed.as_deref().unwrap_or("the log has failed"))),
            Err(_) => Err(EngineError::not_ready("the engine has stopped")),
        }
    }

    /// The number of the newest entry's block, or of the one before the first.
    pub(super) fn newest(&self) -> Option<u64> {
        let blocks = self.blocks.lock();
        if blocks.open.is_empty() { blocks.open_number.checked_sub(1) } else { Some(blocks.open_number) }
    }

    /// Resolves when there is something to write before the next interval.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Ends all writing: after a failed write or sync nothing on this disk can be vouched for.
    pub(super) fn fail(&self, detail: &str) {
        self.blocks.lock().failed = true;
        self.progress.send_modify(|progress| {
            progress.failed.get_or_insert_with(|| detail.into());
        });
    }

    /// Why writing ended, if it did.
    pub(super) fn health(&self) -> Result<(), EngineError> {
        match &self.progress.borrow().failed {
            Some(detail) => Err(EngineError::not_ready(detail.as_ref())),
            None => Ok(()),
        }
    }

    fn failure(&self) -> EngineError {
        self.health().err().unwrap_or_else(|| EngineError::not_ready("the log has failed"))
    }

    /// A block that is still in memory.
    pub(super) fn in_memory(&self, number: u64) -> Option<Arc<Block>> {
        let blocks = self.blocks.lock();
        if number == blocks.open_number {
            return Some(Arc::new(Block { number, hlc: blocks.hlc, entries: blocks.open.clone() }));
        }
        blocks.recent.get(&number).cloned()
    }

    /// Bytes on disk, and waiting for it.
    pub(super) fn sizes(&self) -> (u64, usize) {
        let blocks = self.blocks.lock();
        (blocks.disk_bytes, blocks.pending_bytes)
    }
}

/// Reads one block from the store.
pub(super) fn read_block(store: &dyn Store, number: u64) -> Result<Option<Block>, StoreError> {
    let Some(bytes) = store.get(Tree::Log, &BlockKey(number).encode())? else { return Ok(None) };
    decode_block(number, bytes).map(Some)
}

pub(super) fn decode_block(number: u64, bytes: Vec<u8>) -> Result<Block, StoreError> {
    Block::decode(number, bytes.into()).map_err(|error| StoreError::Corrupt {
        place: format!("log block {number}"),
        detail: error.to_string(),
    })
}
