//! The engine as replication sees it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::engine::{CommitFeed, Engine, EngineError, LogEntry, PartialFeed};
use crate::replication::{AppliedBatch, Commits, NewEntries, PartialKeys, Replica, ReplicaError};
use crate::session::{Key, Liveness, Origin, Partition, SessionView, VersionVector};

/// Ties replication to the engine.
pub(super) struct EngineReplica(pub(super) Arc<Engine>);

struct NewCommits {
    feed: CommitFeed,
    skipped: u64,
}

#[async_trait]
impl Commits for NewCommits {
    async fn next(&mut self) -> NewEntries {
        let entries = self.feed.next().await;
        let skipped = self.feed.skipped() > self.skipped;
        self.skipped = self.feed.skipped();
        NewEntries { entries, skipped }
    }
}

#[async_trait]
impl PartialKeys for PartialFeed {
    async fn next(&mut self) -> Vec<Key> {
        PartialFeed::next(self).await
    }
}

#[async_trait]
impl Replica for EngineReplica {
    fn origin(&self) -> Origin {
        self.0.origin()
    }

    fn vector(&self, partition: Partition) -> VersionVector {
        self.0.vector(partition)
    }

    fn commits(&self) -> Box<dyn Commits> {
        Box::new(NewCommits { feed: self.0.commits(), skipped: 0 })
    }

    fn partial_keys(&self) -> Box<dyn PartialKeys> {
        Box::new(self.0.partial_keys())
    }

    async fn apply(&self, entries: Vec<LogEntry>) -> Result<AppliedBatch, ReplicaError> {
        let applied = self.0.apply(entries).await.map_err(failed)?;
        for refused in &applied.refused {
            tracing::warn!(
                partition = refused.partition.0,
                reason = refused.reason,
                "refused a remote entry"
            );
        }
        Ok(AppliedBatch { refused: applied.refused.len(), synced: false })
    }

    async fn entries_after(
        &self,
        partition: Partition,
        origin: Origin,
        seq: u64,
        bytes_max: usize,
    ) -> Result<Option<Vec<LogEntry>>, ReplicaError> {
        Ok(self.0.entries_after(partition, origin, seq, bytes_max).await.ok())
    }

    async fn merge_states(
        &self,
        partition: Partition,
        states: Vec<(Key, Bytes)>,
        vector: Option<VersionVector>,
    ) -> Result<(), ReplicaError> {
        self.0.merge_states(partition, states, vector).await.map_err(failed)
    }

    async fn scan(
        &self,
        partition: Partition,
        after: Option<Key>,
        items_max: usize,
    ) -> Result<Vec<(Key, Bytes)>, ReplicaError> {
        self.0.scan(partition, after, items_max).await.map_err(failed)
    }

    async fn read(&self, key: Key) -> Result<(Option<Bytes>, VersionVector), ReplicaError> {
        // Taken before the read, so that the state is at least as new as it says.
        let vector = self.0.vector(self.0.partition(&key));
        let record = self.0.read(key).await.map_err(failed)?;
        let complete = |state: &Bytes| {
            SessionView::open(state, &crate::session::DecodeLimits::default())
                .is_ok_and(|view| view.is_complete() || view.liveness(0) == Liveness::Revoked)
        };
        Ok((record.map(|record| record.state).filter(complete), vector))
    }
}

fn failed(error: EngineError) -> ReplicaError {
    ReplicaError(error.to_string())
}
