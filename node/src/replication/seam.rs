//! What replication needs of the node's engine.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::core::{ClockBounds, Held};
use crate::engine::{ClockVerdict, Covered, Gap, LogEntry};
use crate::session::{Dot, Key, Origin, Partition, VersionVector};

/// The engine could not do it, for example because its disk failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplicaError(pub String);

/// Entries that went through the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliedBatch {
    /// Those that are held now, new or not. Others were refused or are held back.
    pub present: Vec<(Partition, Dot)>,
    /// Those that were not held before, in order.
    pub new: Vec<Arc<LogEntry>>,
}

/// A record as a replica holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FullState {
    /// Encoded; none if it is not held or only in part.
    pub state: Option<Bytes>,
    /// The partition's vector from before the read: the state has all that it names.
    pub vector: VersionVector,
    /// The highest writes that may be in the state.
    pub seen: VersionVector,
    /// There is no state, but a part of the record, the mark of one that was lost, or entries that
    /// the vector names and that are not held, of whatever record.
    pub held_in_part: bool,
}

/// New writes of this node.
#[derive(Debug)]
pub struct NewEntries {
    /// In the order committed within each partition.
    pub entries: Vec<Arc<LogEntry>>,
    /// Some before these were skipped, because the reader was too slow.
    pub skipped: bool,
}

/// Follows the writes of this node.
#[async_trait]
pub trait Commits: Send {
    /// What was written since the last call; waits for something.
    async fn next(&mut self) -> NewEntries;
}

/// Follows the keys of records about which other replicas must be asked.
#[async_trait]
pub trait KeysToAsk: Send {
    /// Some keys, each at least once; waits for one.
    async fn next(&mut self) -> Vec<Key>;
}

/// This node's copy of the sessions.
#[async_trait]
pub trait Replica: Held + Send + Sync + 'static {
    /// This node and its start.
    fn origin(&self) -> Origin;

    /// Goes on without the entries of a gap, which no node holds any more.
    fn pass_over(&self, gap: Gap);

    /// How far wall clocks may differ, and what the own one must have reached.
    fn clock_bounds(&self) -> ClockBounds;

    /// Takes note of what the other nodes' clocks say about this one's.
    fn set_clock(&self, verdict: ClockVerdict);

    /// The writes of this node from now on.
    fn commits(&self) -> Box<dyn Commits>;

    /// Keys whose full state must be fetched.
    fn partial_keys(&self) -> Box<dyn KeysToAsk>;

    /// Keys of sessions that look as if they had lain idle for too long.
    fn idle_keys(&self) -> Box<dyn KeysToAsk>;

    /// A record without its content; also one that is held only in part.
    async fn head(&self, key: Key) -> Result<Option<Bytes>, ReplicaError>;

    /// Ends a session for lying idle if it has by the heads that all other replicas hold.
    /// Says whether it has ended.
    async fn lapse(&self, key: Key, heads: Vec<Bytes>) -> Result<bool, ReplicaError>;

    /// Records of a partition that are partial now.
    fn partials(&self, partition: Partition, items_max: usize) -> Vec<Key>;

    /// The highest writes that may be in any record of a partition, with their entries or ahead of them.
    fn seen_in_records(&self, partition: Partition) -> VersionVector;

    /// A peer that has all that `vector` names holds nothing of a record. If that is all that this
    /// node's disk has lost with it, the record is waited for no longer; says whether it is so.
    async fn forgo(&self, key: Key, vector: &VersionVector) -> Result<bool, ReplicaError>;

    /// Merges and logs entries of other nodes. An error means that none can be
    /// taken now and they are to be sent again.
    async fn apply(&self, entries: Vec<LogEntry>) -> Result<AppliedBatch, ReplicaError>;

    /// Waits until everything applied so far survives a power loss.
    async fn synced(&self) -> Result<(), ReplicaError>;

    /// An origin's logged entries after `seq`, ascending, at least one if there
    /// are any, else about `bytes_max` at most. `None`: the log begins later.
    async fn entries_after(
        &self,
        partition: Partition,
        origin: Origin,
        seq: u64,
        bytes_max: usize,
    ) -> Option<Vec<LogEntry>>;

    /// Merges full states; a vector that they cover the partition to is advanced to once they are merged.
    async fn merge_states(
        &self,
        partition: Partition,
        states: Vec<(Key, Bytes)>,
        covered: Covered,
    ) -> Result<(), ReplicaError>;

    /// Records of a partition in key order, `after` a key.
    async fn scan(
        &self,
        partition: Partition,
        after: Option<Key>,
        items_max: usize,
    ) -> Result<Vec<(Key, Bytes)>, ReplicaError>;

    /// The full state of one record.
    async fn read(&self, key: Key) -> Result<FullState, ReplicaError>;

    /// Makes everything that is held survive a power loss.
    async fn persist(&self) -> Result<(), ReplicaError>;
}

/// Tells the membership what this node has synced.
#[async_trait]
pub trait SyncReports: Send + Sync + 'static {
    /// This node holds everything it needs for a layout. Telling it again is harmless.
    async fn report_synced(&self, layout_version: u64) -> Result<(), ReplicaError>;
}
