//! The engine as replication sees it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::config::ReplicationConfig;
use super::core::{ClockBounds, Held};
use super::driver::Replication;
use super::seam::{
    AppliedBatch, Commits, FullState, KeysToAsk, NewEntries, Replica, ReplicaError, SyncReports,
};
use crate::engine::{
    ClockVerdict, CommitFeed, Covered, Engine, EngineError, Gap, KeyFeed, LogEntry, Record, StepError,
};
use crate::env::Environment;
use crate::membership::{Change, Members, MembershipWatch};
use crate::session::{DecodeLimits, Key, Liveness, Origin, Partition, SessionView, VersionVector};
use crate::transport::PeerChannels;

impl Replication {
    /// Starts replication of an engine, which must know its replica id. The
    /// settings must have passed [`ReplicationConfig::validate`].
    #[must_use]
    pub fn start(
        engine: Arc<Engine>,
        membership: MembershipWatch,
        channels: Arc<dyn PeerChannels>,
        reports: Arc<dyn SyncReports>,
        config: ReplicationConfig,
        env: Environment,
    ) -> Arc<Self> {
        Self::start_with(engine, membership, channels, reports, config, env)
    }
}

impl From<EngineError> for ReplicaError {
    fn from(error: EngineError) -> Self {
        Self(error.to_string())
    }
}

struct Feed {
    feed: CommitFeed,
    skipped: u64,
}

#[async_trait]
impl Commits for Feed {
    async fn next(&mut self) -> NewEntries {
        let entries = self.feed.next().await;
        let skipped = self.feed.skipped() > self.skipped;
        self.skipped = self.feed.skipped();
        NewEntries { entries, skipped }
    }
}

#[async_trait]
impl KeysToAsk for KeyFeed {
    async fn next(&mut self) -> Vec<Key> {
        Self::next(self).await
    }
}

impl Held for Engine {
    fn vector(&self, partition: Partition) -> VersionVector {
        Self::vector(self, partition)
    }

    fn seen(&self, partition: Partition) -> VersionVector {
        Self::seen(self, partition)
    }

    fn gaps(&self) -> Vec<Gap> {
        Self::gaps(self)
    }

    fn holds_any(&self, gap: Gap) -> bool {
        Self::holds_any(self, gap)
    }

    fn digest(&self, partition: Partition) -> u128 {
        Self::digest(self, partition).digest
    }
}

#[async_trait]
impl Replica for Engine {
    fn origin(&self) -> Origin {
        Self::origin(self)
    }

    fn pass_over(&self, gap: Gap) {
        Self::pass_over(self, gap);
    }

    fn clock_bounds(&self) -> ClockBounds {
        ClockBounds { offset_max_ms: self.config().clock_offset_max_ms, wall_ms_min: self.earlier_wall_ms() }
    }

    fn set_clock(&self, verdict: ClockVerdict) {
        Self::set_clock(self, verdict);
    }

    fn commits(&self) -> Box<dyn Commits> {
        Box::new(Feed { feed: Self::commits(self), skipped: 0 })
    }

    fn partial_keys(&self) -> Box<dyn KeysToAsk> {
        Box::new(Self::partial_keys(self))
    }

    fn idle_keys(&self) -> Box<dyn KeysToAsk> {
        Box::new(Self::idle_keys(self))
    }

    async fn head(&self, key: Key) -> Result<Option<Bytes>, ReplicaError> {
        Ok(Self::head(self, key).await?)
    }

    async fn lapse(&self, key: Key, heads: Vec<Bytes>) -> Result<bool, ReplicaError> {
        Ok(Self::lapse(self, key, &heads).await?)
    }

    fn partials(&self, partition: Partition, items_max: usize) -> Vec<Key> {
        Self::partials(self, partition, items_max)
    }

    fn seen_in_records(&self, partition: Partition) -> VersionVector {
        Self::seen_in_records(self, partition)
    }

    async fn apply(&self, entries: Vec<LogEntry>) -> Result<AppliedBatch, ReplicaError> {
        let applied = Self::apply(self, entries).await?;
        for refused in &applied.refused {
            let (partition, origin, seq) = (refused.partition.0, refused.dot.origin.replica, refused.dot.seq);
            tracing::warn!(partition, %origin, seq, reason = %refused.reason, "refused a replicated entry");
        }
        Ok(AppliedBatch { present: applied.present, new: applied.new })
    }

    async fn forgo(&self, key: Key, vector: &VersionVector) -> Result<bool, ReplicaError> {
        Ok(Self::forgo(self, key, vector).await?)
    }

    async fn synced(&self) -> Result<(), ReplicaError> {
        Ok(Self::synced(self).await?)
    }

    async fn entries_after(
        &self,
        partition: Partition,
        origin: Origin,
        seq: u64,
        bytes_max: usize,
    ) -> Option<Vec<LogEntry>> {
        Self::entries_after(self, partition, origin, seq, bytes_max).await.ok()
    }

    async fn merge_states(
        &self,
        partition: Partition,
        states: Vec<(Key, Bytes)>,
        covered: Covered,
    ) -> Result<(), ReplicaError> {
        Ok(Self::merge_states(self, partition, states, covered).await?)
    }

    async fn scan(
        &self,
        partition: Partition,
        after: Option<Key>,
        items_max: usize,
    ) -> Result<Vec<(Key, Bytes)>, ReplicaError> {
        Ok(Self::scan(self, partition, after, items_max).await?)
    }

    async fn read(&self, key: Key) -> Result<FullState, ReplicaError> {
        let partition = self.partition(&key);
        let vector = Self::vector(self, partition);
        // What was refused or passed over here may have been all there was of the record.
        let may_have_missed = self.lacks_some(partition);
        let (record, is_lost) = match Self::read(self, key).await {
            Err(EngineError::Refused(StepError::Partial)) => (None, true),
            read => (read?, false),
        };
        let held_in_part = is_lost || record.is_some() || may_have_missed;
        let limits = DecodeLimits::default();
        let is_complete = |state: &Bytes| {
            SessionView::open(state, &limits).is_ok_and(|view| view.liveness(0) != Liveness::Partial)
        };
        let Some(Record { state, vector: seen }) = record.filter(|record| is_complete(&record.state)) else {
            return Ok(FullState { state: None, seen: vector.clone(), vector, held_in_part });
        };
        Ok(FullState { state: Some(state), vector, seen, held_in_part: false })
    }

    async fn persist(&self) -> Result<(), ReplicaError> {
        Ok(Self::persist(self).await?)
    }
}

#[async_trait]
impl SyncReports for Members {
    async fn report_synced(&self, layout_version: u64) -> Result<(), ReplicaError> {
        let change = Change::Synced { replica: self.replica_id(), layout_version };
        self.propose(&change).await.map(drop).map_err(|error| ReplicaError(error.to_string()))
    }
}
