//! The engine: one door through which every write goes into memory and log.
//!
//! `step` is pure: a command on a state gives a new state and a fragment. The
//! rest loads, steps, commits, and writes behind. A partition has one small
//! mutex, never held over a wait. See ARCHITECTURE.md.

mod apply;
mod check;
mod checkpoint;
mod clock;
mod command;
mod config;
mod digest;
mod door;
mod error;
mod feed;
mod finals;
mod follow;
mod gaps;
mod glimpses;
mod held;
mod idempotency;
mod idle;
mod join;
mod journal;
mod key_queue;
mod log;
mod metadata;
mod open;
mod partition;
mod plausible;
mod quarantine;
mod ranges;
mod read;
mod recount;
mod recovery;
mod salvage;
mod states;
mod step;
mod sweep;
#[cfg(test)]
mod tests;
mod vectors;
mod wire;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use apply::{Applied, Refused};
pub use clock::{ClockError, ClockState, ClockVerdict};
pub use command::{Changes, Command, Create, Expectation, Reply, Rotate, SetChange, Update};
pub use config::EngineConfig;
pub use digest::PartitionDigest;
pub use door::{Committed, Durability, ExecuteOptions};
pub use error::{EngineError, NotYet, Truncated};
pub use feed::CommitFeed;
pub use follow::Beyond;
pub use gaps::Gap;
pub use key_queue::KeyFeed;
pub use log::{LogEntry, LogPlace};
pub use read::Record;
pub use states::Covered;
#[cfg(test)]
pub(crate) use step::testing;
pub use step::{Step, StepContext, StepError, step};

use crate::env::Environment;
use crate::session::{DecodeLimits, Hlc, Key, Origin, Partition, ReplicaId};
use crate::store::{Store, StoreError};
use clock::ClockGuard;
use feed::Feed;
use finals::Finals;
use held::Held;
use key_queue::KeyQueue;
use log::Log;
use partition::PartitionState;

/// Holds this node's sessions. Shared as `Arc<Engine>`; dropping the last one ends its workers.
pub struct Engine {
    core: Arc<Core>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.core.stop.cancel();
    }
}

/// One partition and those who wait for it.
struct Cell {
    state: Mutex<PartitionState>,
    advanced: Notify,
}

/// What the engine's calls and workers share.
struct Core {
    store: Arc<dyn Store>,
    config: EngineConfig,
    decode: DecodeLimits,
    env: Environment,
    cells: Vec<Cell>,
    log: Log,
    feed: Arc<Feed>,
    partials: Arc<KeyQueue>,
    idle: Arc<KeyQueue>,
    finals: Finals,
    /// How often vectors were moved by transfers.
    jumps: AtomicU64,
    held: Mutex<Held>,
    held_grown: Notify,
    clock: Mutex<Hlc>,
    /// The latest that the disk named at the start.
    earlier_wall_ms: u64,
    clock_guard: ClockGuard,
    incarnation: u32,
    replica: AtomicU16,
    cache_bytes: AtomicUsize,
    dirty_bytes: AtomicUsize,
    /// Where the cache is looked through next for records to drop.
    eviction_hand: AtomicUsize,
    /// Remote entries refused since the start.
    refused: AtomicU64,
    /// Records of the own disk found corrupt since the start.
    corrupt: AtomicU64,
    checkpoint_wanted: Notify,
    checkpointed: Notify,
    checkpoint_gate: tokio::sync::Mutex<()>,
    stop: CancellationToken,
}

/// What the engine holds at one moment, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Session records, in memory or not.
    pub records: u64,
    /// Records of which only fragments are held.
    pub partial_records: u64,
    /// Memory taken by cached records, in bytes.
    pub cache_bytes: u64,
    /// Memory taken by records that wait for their checkpoint, in bytes.
    pub dirty_bytes: u64,
    /// The log on disk, in bytes.
    pub log_disk_bytes: u64,
    /// Log entries that wait for the disk, in bytes.
    pub log_pending_bytes: u64,
    /// Remote entries held back until their stamp is due, in bytes.
    pub held_bytes: u64,
    /// Remote entries refused since the start.
    pub refused_entries: u64,
    /// Records found corrupt on this node's disk since the start.
    pub corrupt_records: u64,
}

impl Engine {
    /// Tells the engine which node it is. No write is taken before.
    pub fn set_replica(&self, replica: ReplicaId) {
        self.core.replica.store(replica.0, Ordering::Release);
    }

    /// The origin of writes made here: this node and this start. Replica 0 until it is set.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.core.origin()
    }

    /// The highest stamp that was given out or taken note of.
    #[must_use]
    pub fn last_stamp(&self) -> u64 {
        self.core.clock.lock().last()
    }

    /// The partition of a key.
    #[must_use]
    pub fn partition(&self, key: &Key) -> Partition {
        key.partition(self.core.config.partition_count)
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &EngineConfig {
        &self.core.config
    }

    /// Whether writes are taken.
    ///
    /// # Errors
    /// [`EngineError::NotReady`] says why not: for good after a failed write or sync.
    pub fn health(&self) -> Result<(), EngineError> {
        self.core.writable()
    }

    /// Follows the writes committed here from now on.
    #[must_use]
    pub fn commits(&self) -> CommitFeed {
        CommitFeed::new(Arc::clone(&self.core.feed))
    }

    /// Follows the keys of records that become partial from now on.
    #[must_use]
    pub fn partial_keys(&self) -> KeyFeed {
        KeyFeed::new(Arc::clone(&self.core.partials))
    }

    /// The records of a partition that are partial now, at most `items_max`.
    #[must_use]
    pub fn partials(&self, partition: Partition, items_max: usize) -> Vec<Key> {
        self.core.cell(partition).map_or_else(Vec::new, |cell| {
            cell.state.lock().partial().iter().take(items_max).copied().collect()
        })
    }

    /// How a session was just before it was revoked or removed, while that is remembered.
    #[must_use]
    pub fn final_state(&self, key: &Key) -> Option<bytes::Bytes> {
        self.core.finals.get(key)
    }

    /// Sessions of a partition that expired and were then removed, with the time at which they expired
    /// in milliseconds since the Unix epoch, as far as that is remembered.
    #[must_use]
    pub fn removed(&self, partition: Partition) -> Vec<(Key, u64)> {
        self.core.finals.expired(partition, self.core.config.partition_count)
    }

    /// Sessions that expired up to this time may have been removed and forgotten,
    /// in milliseconds since the Unix epoch.
    #[must_use]
    pub fn removed_unknown_ms(&self) -> u64 {
        self.core.finals.forgotten_ms()
    }

    /// The incremental digest of a partition; equal replicas have equal ones.
    #[must_use]
    pub fn digest(&self, partition: Partition) -> PartitionDigest {
        self.core.cell(partition).map_or_else(PartitionDigest::default, |cell| cell.state.lock().digest())
    }

    /// Figures for metrics.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        let (log_disk_bytes, log_pending_bytes) = self.core.log.sizes();
        let mut stats = EngineStats {
            cache_bytes: self.core.cache_bytes.load(Ordering::Relaxed) as u64,
            dirty_bytes: self.core.dirty_bytes.load(Ordering::Relaxed) as u64,
            log_disk_bytes,
            log_pending_bytes: log_pending_bytes as u64,
            held_bytes: self.core.held.lock().bytes() as u64,
            corrupt_records: self.core.corrupt.load(Ordering::Relaxed),
            refused_entries: self.core.refused.load(Ordering::Relaxed),
            ..EngineStats::default()
        };
        for cell in &self.core.cells {
            let state = cell.state.lock();
            stats.records += state.digest().records;
            stats.partial_records += state.partial().len() as u64;
        }
        stats
    }
}

impl Core {
    fn origin(&self) -> Origin {
        Origin { replica: ReplicaId(self.replica.load(Ordering::Acquire)), incarnation: self.incarnation }
    }

    fn writable(&self) -> Result<(), EngineError> {
        self.log.health()?;
        if self.replica.load(Ordering::Acquire) == 0 {
            return Err(EngineError::not_ready("the node has no replica id yet"));
        }
        Ok(())
    }

    fn cell(&self, partition: Partition) -> Option<&Cell> {
        self.cells.get(usize::from(partition.0))
    }

    fn cell_of(&self, key: &Key) -> Result<(Partition, &Cell), EngineError> {
        let partition = key.partition(self.config.partition_count);
        let cell = self.cell(partition).ok_or_else(|| no_partition(partition))?;
        Ok((partition, cell))
    }

    /// Runs something on a partition, keeping count of the memory it takes.
    fn with<T>(&self, cell: &Cell, act: impl FnOnce(&mut PartitionState) -> T) -> T {
        let mut state = cell.state.lock();
        let before = state.bytes();
        let result = act(&mut state);
        let after = state.bytes();
        drop(state);
        account(&self.cache_bytes, before.0, after.0);
        account(&self.dirty_bytes, before.1, after.1);
        result
    }

    /// Runs work that waits for the disk, aside.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Core) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        let (send, receive) = tokio::sync::oneshot::channel();
        let core = Arc::clone(self);
        self.env.spawn.blocking(Box::new(move || {
            // A caller that has gone needs no answer.
            let _ = send.send(work(&core));
        }));
        receive.await.map_err(|_| EngineError::not_ready("the engine has stopped"))
    }

    /// As [`Self::blocking`], for work that uses the disk. A disk that fails, be it at a
    /// read, is not written to any more: who knows what it still keeps.
    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Core) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let worked = self.blocking(work).await?;
        if let Err(error) = &worked
            && !matches!(error, StoreError::Corrupt { .. })
        {
            self.log.fail(&error.to_string());
        }
        Ok(worked?)
    }
}

fn account(total: &AtomicUsize, before: usize, after: usize) {
    if after >= before {
        total.fetch_add(after - before, Ordering::Relaxed);
    } else {
        total.fetch_sub(before - after, Ordering::Relaxed);
    }
}

fn no_partition(partition: Partition) -> EngineError {
    EngineError::invalid("partition", format!("{} does not exist", partition.0))
}
