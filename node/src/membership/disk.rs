//! The membership's part of a node's disk.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::env::Spawn;
use crate::store::keys::{RaftKey, StoreKey, frame, unframe};
use crate::store::{Batch, Store, StoreError, Tree};

/// Runs work on the store where it does not hold up other tasks.
#[derive(Clone)]
pub struct Disk {
    store: Arc<dyn Store>,
    spawn: Arc<dyn Spawn>,
}

impl Disk {
    /// Of a store, with `spawn` to run the work.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, spawn: Arc<dyn Spawn>) -> Self {
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

    /// Reads a value of Raft's.
    pub(super) async fn read<T: DeserializeOwned + Send + 'static>(
        &self,
        key: RaftKey,
    ) -> Result<Option<T>, StoreError> {
        self.run(move |store| read(store, key)).await
    }

    /// Applies a batch and syncs.
    pub(super) async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let work = move |store: &dyn Store| {
            store.apply(batch)?;
            store.sync()
        };
        self.run(work).await
    }
}

/// Reads a value of Raft's.
pub(super) fn read<T: DeserializeOwned>(store: &dyn Store, key: RaftKey) -> Result<Option<T>, StoreError> {
    store.get(Tree::Raft, &key.encode())?.map(|value| from_value(&value)).transpose()
}

/// Adds a value of Raft's to a batch.
pub(super) fn put(batch: &mut Batch, key: RaftKey, value: &impl Serialize) -> Result<(), StoreError> {
    batch.put(Tree::Raft, key.encode(), frame(&encode(value)?));
    Ok(())
}

/// Takes a stored value apart.
pub(super) fn from_value<T: DeserializeOwned>(value: &[u8]) -> Result<T, StoreError> {
    decode(unframe("the membership", value)?)
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
