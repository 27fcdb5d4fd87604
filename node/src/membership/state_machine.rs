//! Raft's state machine: [`ClusterState`], persisted whole after each batch of entries.

use std::io::Cursor;
use std::sync::Arc;

use openraft::storage::RaftStateMachine;
use openraft::{AnyError, EntryPayload, OptionalSend, RaftSnapshotBuilder};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::disk::{self, Disk};
use super::raft_types::{
    Entry, LogId, Snapshot, SnapshotMeta, StorageError, StorageIoError, StoredMembership, TypeConfig,
};
use super::{ChangeOutcome, ClusterState};
use crate::store::keys::RaftKey;
use crate::store::{Batch, StoreError};

/// Everything that applying the log has led to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Applied {
    last: Option<LogId>,
    membership: StoredMembership,
    state: ClusterState,
}

#[derive(Serialize, Deserialize)]
struct StoredSnapshot {
    meta: SnapshotMeta,
    state: ClusterState,
}

pub(super) struct StateMachine {
    disk: Disk,
    applied: Applied,
    states: watch::Sender<Arc<ClusterState>>,
}

/// Builds a snapshot of the moment it was made at.
pub(super) struct SnapshotBuilder {
    disk: Disk,
    applied: Applied,
}

impl StateMachine {
    /// Reads what was applied before, and publishes it.
    pub(super) async fn open(disk: Disk) -> Result<(Self, watch::Receiver<Arc<ClusterState>>), StoreError> {
        let applied: Applied = disk.read(RaftKey::StateMachine).await?.unwrap_or_default();
        let (states, watch) = watch::channel(Arc::new(applied.state.clone()));
        Ok((Self { disk, applied, states }, watch))
    }

    async fn persist(&self, snapshot: Option<&StoredSnapshot>) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        disk::put(&mut batch, RaftKey::StateMachine, &self.applied)?;
        if let Some(snapshot) = snapshot {
            disk::put(&mut batch, RaftKey::Snapshot, snapshot)?;
        }
        self.disk.write(batch).await?;
        self.states.send_replace(Arc::new(self.applied.state.clone()));
        Ok(())
    }
}

impl Applied {
    fn apply(&mut self, entry: Entry) -> ChangeOutcome {
        self.last = Some(entry.log_id);
        let outcome = match entry.payload {
            EntryPayload::Blank => ChangeOutcome::Done,
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
                ChangeOutcome::Done
            }
            EntryPayload::Normal(change) => {
                let (state, outcome) = std::mem::take(&mut self.state).apply(&change);
                self.state = state;
                outcome
            }
        };
        self.state.epoch = entry.log_id.index;
        outcome
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), StorageError> {
        Ok((self.applied.last, self.applied.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<ChangeOutcome>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let outcomes = entries.into_iter().map(|entry| self.applied.apply(entry)).collect();
        let failed = |error| StorageIoError::write_state_machine(AnyError::new(&error));
        self.persist(None).await.map_err(failed)?;
        Ok(outcomes)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder { disk: self.disk.clone(), applied: self.applied.clone() }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError> {
        let failed = |error| StorageIoError::write_snapshot(Some(meta.signature()), AnyError::new(&error));
        let state: ClusterState = disk::decode(snapshot.get_ref()).map_err(failed)?;
        let stored = StoredSnapshot { meta: meta.clone(), state: state.clone() };
        self.applied = Applied { last: meta.last_log_id, membership: meta.last_membership.clone(), state };
        self.persist(Some(&stored)).await.map_err(failed)?;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, StorageError> {
        let failed = |error: StoreError| StorageIoError::read_snapshot(None, AnyError::new(&error));
        let stored: Option<StoredSnapshot> = self.disk.read(RaftKey::Snapshot).await.map_err(failed)?;
        let opened = |stored: StoredSnapshot| {
            let bytes = disk::encode(&stored.state)?;
            Ok(Snapshot { meta: stored.meta, snapshot: Box::new(Cursor::new(bytes)) })
        };
        Ok(stored.map(opened).transpose().map_err(failed)?)
    }
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    async fn build_snapshot(&mut self) -> Result<Snapshot, StorageError> {
        let failed = |error: StoreError| StorageIoError::write_snapshot(None, AnyError::new(&error));
        let snapshot_id = self.applied.last.map_or_else(|| "empty".to_owned(), |last| last.to_string());
        let meta = SnapshotMeta {
            last_log_id: self.applied.last,
            last_membership: self.applied.membership.clone(),
            snapshot_id,
        };
        let bytes = disk::encode(&self.applied.state).map_err(failed)?;
        let stored = StoredSnapshot { meta: meta.clone(), state: self.applied.state.clone() };
        let mut batch = Batch::default();
        disk::put(&mut batch, RaftKey::Snapshot, &stored).map_err(failed)?;
        self.disk.write(batch).await.map_err(failed)?;
        Ok(Snapshot { meta, snapshot: Box::new(Cursor::new(bytes)) })
    }
}
