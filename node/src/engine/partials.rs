//! Keys of records that need a full state.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::session::Key;

/// Keys kept for the reader; older ones are dropped and found by `Engine::partials`.
const KEYS_MAX: usize = 16_384;

/// A queue that drops its oldest keys.
#[derive(Debug, Default)]
pub(super) struct Partials {
    keys: Mutex<VecDeque<Key>>,
    grown: Notify,
}

impl Partials {
    pub(super) fn push(&self, key: Key) {
        let mut keys = self.keys.lock();
        if keys.len() >= KEYS_MAX {
            keys.pop_front();
        }
        keys.push_back(key);
        drop(keys);
        self.grown.notify_one();
    }
}

/// Follows the records that become partial. One reader takes each key.
#[derive(Debug)]
pub struct PartialFeed {
    partials: Arc<Partials>,
}

impl PartialFeed {
    pub(super) fn new(partials: Arc<Partials>) -> Self {
        Self { partials }
    }

    /// All keys since the last call, maybe with repetitions; waits while there is none.
    pub async fn next(&mut self) -> Vec<Key> {
        loop {
            let keys: Vec<Key> = self.partials.keys.lock().drain(..).collect();
            if !keys.is_empty() {
                return keys;
            }
            self.partials.grown.notified().await;
        }
    }
}
