//! The store on sled 0.34.
//!
//! All trees live in one sled tree, told apart by the first byte of the key, so
//! that one sled batch covers them all. What sled does not give is added around
//! it: a promise against power loss (`database`), values without blob files
//! (`layout`), a directory that two processes cannot share (`directory`), and
//! disk space that comes back (`compaction`).

mod compaction;
mod database;
mod directory;
mod layout;
mod usage;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use compaction::Copying;
pub use compaction::{Progress, should_compact};
use database::Database;
use directory::Directory;
use layout::Plan;
use usage::LiveBytes;

use super::{Batch, Entry, Store, StoreConfig, StoreError, Tree};

/// A store on one directory of a disk.
///
/// Writers take turns; readers wait only for the moment in which a compaction
/// swaps databases. After a write or sync has failed, the state of the disk is
/// unknown: every later write and sync fails until the store is opened again.
pub struct SledStore {
    config: StoreConfig,
    // Lock order: upkeep, writer, current.
    upkeep: Mutex<()>,
    writer: Mutex<Writer>,
    current: RwLock<Database>,
    failed: Mutex<Option<StoreError>>,
    compactions: AtomicU64,
    // Last, so that the directory stays locked until the database is closed.
    directory: Directory,
}

/// What a writer must keep up to date beside the database.
struct Writer {
    live: LiveBytes,
    copying: Option<Copying>,
    /// Size of the disk just after the last compaction of this process.
    compacted_disk_bytes: u64,
}

/// How the disk is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreUsage {
    /// Bytes taken on disk.
    pub disk_bytes: u64,
    /// Bytes of keys and values that can be read; none until counted once after a start.
    pub live_bytes: Option<u64>,
    /// Compactions finished since the start.
    pub compactions: u64,
    /// Whether one is under way.
    pub compacting: bool,
}

impl SledStore {
    /// Opens the store in `path`, or creates it in an empty or missing directory.
    ///
    /// `Unusable` says that another process has it open, or that something else
    /// is in there; `Corrupt` that the database cannot be read.
    pub fn open(path: impl AsRef<Path>, config: StoreConfig) -> Result<Arc<Self>, StoreError> {
        config.validate()?;
        let directory = Directory::open(path.as_ref())?;
        let database = Database::open(&directory.current(), config.cache_bytes)?;
        directory.remove_leftovers()?;
        Ok(Arc::new(Self {
            config,
            upkeep: Mutex::new(()),
            writer: Mutex::new(Writer { live: LiveBytes::default(), copying: None, compacted_disk_bytes: 0 }),
            current: RwLock::new(database),
            failed: Mutex::new(None),
            compactions: AtomicU64::new(0),
            directory,
        }))
    }

    /// How the disk is used, for metrics and status.
    pub fn usage(&self) -> Result<StoreUsage, StoreError> {
        let disk_bytes = self.disk_bytes()?;
        let writer = self.writer.lock();
        Ok(StoreUsage {
            disk_bytes,
            live_bytes: writer.live.total(),
            compactions: self.compactions.load(Ordering::Relaxed),
            compacting: writer.copying.is_some(),
        })
    }

    fn check_not_failed(&self) -> Result<(), StoreError> {
        self.failed.lock().clone().map_or(Ok(()), Err)
    }

    /// Remembers a failure after which the disk's state is unknown.
    fn fail<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.failed.lock().get_or_insert_with(|| error.clone());
        }
        result
    }
}

impl Store for SledStore {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(found) = layout::get(&self.current.read(), tree, key)? {
            return Ok(found);
        }
        // Pieces of a large value changed while they were read: without writers they hold still.
        let _writer = self.writer.lock();
        layout::get(&self.current.read(), tree, key)?.ok_or_else(|| layout::torn(tree))
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        self.check_not_failed()?;
        let current = self.current.read();
        let plan = layout::plan(&current, batch)?;
        writer.mirror(&plan);
        self.fail(current.apply(plan.writes()))?;
        writer.live.adjust(&plan);
        Ok(())
    }

    fn scan(&self, tree: Tree, from: &[u8], to: &[u8], items_max: usize) -> Result<Vec<Entry>, StoreError> {
        if let Some(found) = layout::scan(&self.current.read(), tree, from, to, items_max)? {
            return Ok(found);
        }
        let _writer = self.writer.lock();
        layout::scan(&self.current.read(), tree, from, to, items_max)?.ok_or_else(|| layout::torn(tree))
    }

    fn last_before(&self, tree: Tree, to: &[u8]) -> Result<Option<Entry>, StoreError> {
        if let Some(found) = layout::last_before(&self.current.read(), tree, to)? {
            return Ok(found);
        }
        let _writer = self.writer.lock();
        layout::last_before(&self.current.read(), tree, to)?.ok_or_else(|| layout::torn(tree))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.check_not_failed()?;
        let current = self.current.read();
        self.fail(current.sync())
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.directory.bytes()
    }
}

impl Writer {
    /// Keeps a copy under way like the original. The write itself does not need
    /// the copy, so a failure only ends that.
    fn mirror(&mut self, plan: &Plan) {
        if let Some(Err(error)) = self.copying.as_ref().map(|copying| copying.mirror(plan)) {
            tracing::warn!(%error, "disk compaction given up");
            self.copying = None;
        }
    }
}
