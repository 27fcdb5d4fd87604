//! The membership's part of a node's disk.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::env::Spawn;
use crate::store::{Store, StoreError, Tree};

/// Who this disk belongs to, in [`Tree::Meta`].
pub(super) const IDENTITY: &[u8] = b"membership/identity";
/// Raft's vote, in [`Tree::Raft`] like all below.
pub(super) const VOTE: &[u8] = b"vote";
/// The last log id that was purged.
pub(super) const PURGED: &[u8] = b"purged";
/// The state machine.
pub(super) const APPLIED: &[u8] = b"applied";
/// The current snapshot.
pub(super) const SNAPSHOT: &[u8] = b"snapshot";

const LOG_PREFIX: &[u8] = b"log/";

/// The key of a log entry; entries sort by index.
pub(super) fn log_key(index: u64) -> Vec<u8> {
    [LOG_PREFIX, &index.to_be_bytes()].concat()
}

/// Past the last log entry.
pub(super) fn log_end() -> Vec<u8> {
    b"log0".to_vec()
}

/// Whether a key is one of a log entry.
pub(super) fn is_log_key(key: &[u8]) -> bool {
    key.starts_with(LOG_PREFIX)
}

/// Runs work on the store where it does not hold up other tasks.
#[derive(Clone)]
pub(super) struct Disk {
    store: Arc<dyn Store>,
    spawn: Arc<dyn Spawn>,
}

impl Disk {
    pub(super) fn new(store: Arc<dyn Store>, spawn: Arc<dyn Spawn>) -> Self {
        Self { store, spawn }
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, result) = oneshot::channel();
        let store = self.store.clone();
        // A caller that went away does not want the result.
        self.spawn.blocking(Box::new(move || drop(done.send(work(&*store)))));
        let dropped = || StoreError::Io {
            doing: "working for the membership",
            detail: "the node is shutting down".to_owned(),
        };
        result.await.unwrap_or_else(|_| Err(dropped()))
    }

    /// Reads a JSON value.
    pub(super) async fn read<T: DeserializeOwned + Send + 'static>(
        &self,
        tree: Tree,
        key: &'static [u8],
    ) -> Result<Option<T>, StoreError> {
        self.run(move |store| store.get(tree, key)?.map(|bytes| decode(&bytes)).transpose()).await
    }

    /// Writes a JSON value and syncs.
    pub(super) async fn write(
        &self,
        tree: Tree,
        key: &'static [u8],
        value: &impl Serialize,
    ) -> Result<(), StoreError> {
        let bytes = encode(value)?;
        self.run(move |store| {
            let mut batch = crate::store::Batch::default();
            batch.put(tree, key, bytes);
            store.apply(batch)?;
            store.sync()
        })
        .await
    }
}

pub(super) fn encode(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value)
        .map_err(|error| StoreError::Io { doing: "encoding the membership", detail: error.to_string() })
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt {
        place: "the membership".to_owned(),
        detail: error.to_string(),
    })
}
