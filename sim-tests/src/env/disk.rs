//! How long a simulated disk takes, and what it refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_node::env::{Rng, SeedableRng, StdRng};
use sojourn_node::store::{Batch, Entry, Store, StoreError, Tree};

use crate::plan::Latency;

/// The time that a disk takes for a call.
pub(crate) struct DiskSpeed {
    healthy: Latency,
    rng: Mutex<StdRng>,
    slower_ms: AtomicU64,
    slow_calls: AtomicU64,
}

impl DiskSpeed {
    pub(crate) fn new(healthy: Latency, seed: u64) -> Arc<Self> {
        let rng = Mutex::new(StdRng::seed_from_u64(seed));
        Arc::new(Self { healthy, rng, slower_ms: AtomicU64::new(0), slow_calls: AtomicU64::new(0) })
    }

    /// Makes each call so much longer.
    pub(crate) fn set_slower_ms(&self, by_ms: u64) {
        self.slower_ms.store(by_ms, Ordering::Relaxed);
        self.slow_calls.store(0, Ordering::Relaxed);
    }

    /// Calls that took longer since the disk became slow.
    pub(crate) fn slow_calls(&self) -> u64 {
        self.slow_calls.load(Ordering::Relaxed)
    }

    pub(super) fn draw(&self) -> Duration {
        let slower_ms = self.slower_ms.load(Ordering::Relaxed);
        if slower_ms > 0 {
            self.slow_calls.fetch_add(1, Ordering::Relaxed);
        }
        let Latency { us_min, us_max } = self.healthy;
        let healthy_us = self.rng.lock().random_range(us_min..=us_max.max(us_min));
        Duration::from_micros(healthy_us) + Duration::from_millis(slower_ms)
    }
}

/// A store that counts what the disk refused.
pub(crate) struct WatchedStore<S> {
    pub(crate) inner: S,
    pub(crate) refusals: Arc<AtomicU64>,
}

impl<S> WatchedStore<S> {
    fn watch<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if outcome.is_err() {
            self.refusals.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }
}

impl<S: Store> Store for WatchedStore<S> {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.watch(self.inner.get(tree, key))
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        self.watch(self.inner.apply(batch))
    }

    fn scan(&self, tree: Tree, from: &[u8], to: &[u8], items_max: usize) -> Result<Vec<Entry>, StoreError> {
        self.watch(self.inner.scan(tree, from, to, items_max))
    }

    fn last_before(&self, tree: Tree, to: &[u8]) -> Result<Option<Entry>, StoreError> {
        self.watch(self.inner.last_before(tree, to))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.watch(self.inner.sync())
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        // Asked for reports alone: nobody learns from it that the disk has failed.
        self.inner.disk_bytes()
    }
}
