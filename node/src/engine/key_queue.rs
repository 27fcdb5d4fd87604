//! Keys of records about which other replicas must be asked.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::session::Key;

/// Keys kept for the reader; older ones are dropped and found again: partial ones by
/// `Engine::partials`, idle ones by the next sweep.
const KEYS_MAX: usize = 16_384;

/// A queue that drops its oldest keys.
#[derive(Debug, Default)]
pub(super) struct KeyQueue {
    keys: Mutex<VecDeque<Key>>,
    grown: Notify,
}

impl KeyQueue {
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

/// Follows such keys. One reader takes each.
#[derive(Debug)]
pub struct KeyFeed {
    queue: Arc<KeyQueue>,
}

impl KeyFeed {
    pub(super) fn new(queue: Arc<KeyQueue>) -> Self {
        Self { queue }
    }

    /// All keys since the last call, maybe with repetitions; waits while there is none.
    pub async fn next(&mut self) -> Vec<Key> {
        loop {
            let keys: Vec<Key> = self.queue.keys.lock().drain(..).collect();
            if !keys.is_empty() {
                return keys;
            }
            self.queue.grown.notified().await;
        }
    }
}
