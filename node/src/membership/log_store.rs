//! Raft's log and vote, in the node's store.
//!
//! Every write is synced before Raft hears of it, as its proof demands. The log
//! is short (see `snapshot_entries`) and membership changes are rare, so nothing
//! is cached.

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, LogState, OptionalSend, RaftLogReader, Vote};

use super::disk::{self, Disk};
use super::raft_types::{Entry, LogId, StorageError, StorageIoError, TypeConfig};
use crate::store::keys::{KeyRange, RaftKey, StoreKey};
use crate::store::{Batch, Store, StoreError, Tree};

#[derive(Clone)]
pub(super) struct LogStore {
    disk: Disk,
}

impl LogStore {
    pub(super) fn new(disk: Disk) -> Self {
        Self { disk }
    }

    async fn remove(&self, range: KeyRange, purged: Option<LogId>) -> Result<(), StoreError> {
        let removal = move |store: &dyn Store| {
            let mut batch = Batch::default();
            for (key, _) in store.scan(Tree::Raft, &range.from, &range.to, usize::MAX)? {
                batch.remove(Tree::Raft, key);
            }
            if let Some(purged) = purged {
                disk::put(&mut batch, RaftKey::LastPurged, &purged)?;
            }
            store.apply(batch)?;
            store.sync()
        };
        self.disk.run(removal).await
    }
}

/// From an index to the end of the log.
fn since(index: u64) -> KeyRange {
    KeyRange { from: RaftKey::Log(index).encode(), to: RaftKey::log_end() }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        let from = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let range = match range.end_bound() {
            Bound::Included(index) => RaftKey::log_range(from, index.saturating_add(1)),
            Bound::Excluded(index) => RaftKey::log_range(from, *index),
            Bound::Unbounded => since(from),
        };
        let read = self.disk.run(move |store| {
            let entries = store.scan(Tree::Raft, &range.from, &range.to, usize::MAX)?;
            entries.iter().map(|(_, value)| disk::from_value(value)).collect()
        });
        read.await.map_err(|error| StorageIoError::read_logs(AnyError::new(&error)).into())
    }

    /// Nothing if the first of them is gone. Those behind it, sent as if they were the first,
    /// would leave the receiver a log with a gap in it: openraft asks for them when a
    /// follower turns out to have less than it once confirmed.
    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, StorageError> {
        let entries = self.try_get_log_entries(start..end).await?;
        let is_whole = entries.first().is_none_or(|first| first.log_id.index == start);
        Ok(if is_whole { entries } else { Vec::new() })
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError> {
        let read = self.disk.run(|store| {
            let purged: Option<LogId> = disk::read(store, RaftKey::LastPurged)?;
            let last = store.last_before(Tree::Raft, &RaftKey::log_end())?;
            let last = last.filter(|(key, _)| matches!(RaftKey::decode(key), Ok(RaftKey::Log(_))));
            let last: Option<Entry> = last.map(|(_, value)| disk::from_value(&value)).transpose()?;
            let last_log_id = last.map(|entry| entry.log_id).or(purged);
            Ok(LogState { last_purged_log_id: purged, last_log_id })
        });
        read.await.map_err(|error| StorageIoError::read_logs(AnyError::new(&error)).into())
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), StorageError> {
        let failed = |error| StorageIoError::write_vote(AnyError::new(&error));
        let mut batch = Batch::default();
        disk::put(&mut batch, RaftKey::Vote, vote).map_err(failed)?;
        Ok(self.disk.write(batch).await.map_err(failed)?)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, StorageError> {
        let read = self.disk.read(RaftKey::Vote).await;
        read.map_err(|error| StorageIoError::read_vote(AnyError::new(&error)).into())
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<TypeConfig>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut batch = Batch::default();
        let failed =
            |error: StoreError| StorageError::from(StorageIoError::write_logs(AnyError::new(&error)));
        for entry in entries {
            disk::put(&mut batch, RaftKey::Log(entry.log_id.index), &entry).map_err(failed)?;
        }
        self.disk.write(batch).await.map_err(failed)?;
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let removed = self.remove(since(log_id.index), None).await;
        removed.map_err(|error| StorageIoError::write_logs(AnyError::new(&error)).into())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let range = RaftKey::log_range(0, log_id.index.saturating_add(1));
        let removed = self.remove(range, Some(log_id)).await;
        removed.map_err(|error| StorageIoError::write_logs(AnyError::new(&error)).into())
    }
}
