//! Makes sessions last: atomic batches over named trees behind one trait.

mod config;
mod error;
pub mod keys;
mod sealed;
mod sim_store;
mod sled_store;

#[cfg(test)]
mod contract;

pub use config::StoreConfig;
pub use error::StoreError;
pub use sealed::SealedStore;
pub use sim_store::{Crash, SimDisk, SimStore};
pub use sled_store::{Progress, SledStore, StoreUsage, should_compact};

/// A named tree: an ordered map from bytes to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tree {
    /// Identity of the disk, incarnation, versions. Never sealed.
    Meta = 1,
    /// Blocks of the replication log, by block number.
    Log = 2,
    /// Session records, by partition and key.
    Records = 3,
    /// Version vectors, digests and checkpoint position, by partition.
    Partitions = 4,
    /// Raft's log, vote and state machine.
    Raft = 5,
}

/// Changes that are applied together or not at all.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    /// In order; a `None` removes the key.
    pub changes: Vec<(Tree, Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// Adds a write.
    pub fn put(&mut self, tree: Tree, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes.push((tree, key.into(), Some(value.into())));
    }

    /// Adds a removal.
    pub fn remove(&mut self, tree: Tree, key: impl Into<Vec<u8>>) {
        self.changes.push((tree, key.into(), None));
    }
}

/// One entry of a scan.
pub type Entry = (Vec<u8>, Vec<u8>);

/// A node's disk. Calls may wait for it: not for the hot path of a request.
///
/// After `apply` returns, reads see the batch; after a later `sync` returns, no
/// crash loses it. A crash before may lose whole batches, the newest first,
/// never a part of one.
///
/// Within a batch the last change of a key wins. A scan sees each batch at each
/// key whole, but may see one applied meanwhile at its later keys only.
///
/// A failed write or sync leaves the disk in an unknown state (after a failed
/// sync, a later one proves nothing), so everything but reading may fail from
/// then on until the store is opened again. The caller should stop.
pub trait Store: Send + Sync + 'static {
    /// The value at a key.
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Applies a batch atomically.
    fn apply(&self, batch: Batch) -> Result<(), StoreError>;

    /// At most `items_max` entries with `from <= key < to`, ascending.
    fn scan(&self, tree: Tree, from: &[u8], to: &[u8], items_max: usize) -> Result<Vec<Entry>, StoreError>;

    /// The last entry with `key < to`.
    fn last_before(&self, tree: Tree, to: &[u8]) -> Result<Option<Entry>, StoreError>;

    /// Makes everything applied so far survive a power loss.
    fn sync(&self) -> Result<(), StoreError>;

    /// Bytes taken on disk.
    fn disk_bytes(&self) -> Result<u64, StoreError>;
}
