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
use crate::store::{Batch, StoreError, Tree};

#[derive(Clone)]
pub(super) struct LogStore {
    disk: Disk,
}

impl LogStore {
    pub(super) fn new(disk: Disk) -> Self {
        Self { disk }
    }

    async fn remove(&self, from: u64, to: Vec<u8>, purged: Option<LogId>) -> Result<(), StoreError> {
        let purged = purged.map(|log_id| disk::encode(&log_id)).transpose()?;
        let removal = move |store: &dyn crate::store::Store| {
            let mut batch = Batch::default();
            for (key, _) in store.scan(Tree::Raft, &disk::log_key(from), &to, usize::MAX)? {
                batch.remove(Tree::Raft, key);
            }
            if let Some(purged) = purged {
                batch.put(Tree::Raft, disk::PURGED, purged);
            }
            store.apply(batch)?;
            store.sync()
        };
        self.disk.run(removal).await
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        let from = match range.start_bound() {
            Bound::Included(index) => disk::log_key(*index),
            Bound::Excluded(index) => disk::log_key(index.saturating_add(1)),
            Bound::Unbounded => disk::log_key(0),
        };
        let to = match range.end_bound() {
            Bound::Included(index) => disk::log_key(index.saturating_add(1)),
            Bound::Excluded(index) => disk::log_key(*index),
            Bound::Unbounded => disk::log_end(),
        };
        let read = self.disk.run(move |store| {
            let entries = store.scan(Tree::Raft, &from, &to, usize::MAX)?;
            entries.iter().map(|(_, bytes)| disk::decode(bytes)).collect()
        });
        read.await.map_err(|error| StorageIoError::read_logs(AnyError::new(&error)).into())
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError> {
        let read = self.disk.run(|store| {
            let purged = store.get(Tree::Raft, disk::PURGED)?;
            let purged: Option<LogId> = purged.map(|bytes| disk::decode(&bytes)).transpose()?;
            let last = store.last_before(Tree::Raft, &disk::log_end())?;
            let last = last.filter(|(key, _)| disk::is_log_key(key));
            let last: Option<Entry> = last.map(|(_, bytes)| disk::decode(&bytes)).transpose()?;
            let last_log_id = last.map(|entry| entry.log_id).or(purged);
            Ok(LogState { last_purged_log_id: purged, last_log_id })
        });
        read.await.map_err(|error| StorageIoError::read_logs(AnyError::new(&error)).into())
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), StorageError> {
        let saved = self.disk.write(Tree::Raft, disk::VOTE, vote).await;
        saved.map_err(|error| StorageIoError::write_vote(AnyError::new(&error)).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, StorageError> {
        let read = self.disk.read(Tree::Raft, disk::VOTE).await;
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
            let bytes = disk::encode(&entry).map_err(failed)?;
            batch.put(Tree::Raft, disk::log_key(entry.log_id.index), bytes);
        }
        let write = self.disk.run(move |store| {
            store.apply(batch)?;
            store.sync()
        });
        write.await.map_err(failed)?;
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let removed = self.remove(log_id.index, disk::log_end(), None).await;
        removed.map_err(|error| StorageIoError::write_logs(AnyError::new(&error)).into())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let to = disk::log_key(log_id.index.saturating_add(1));
        let removed = self.remove(0, to, Some(log_id)).await;
        removed.map_err(|error| StorageIoError::write_logs(AnyError::new(&error)).into())
    }
}
