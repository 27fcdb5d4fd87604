//! This client's own opinion of a node.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

const PAUSE_FIRST_MS: u64 = 100;
const PAUSE_MAX_MS: u64 = 10_000;

/// A node that failed is left alone for a while: 100 ms, doubling with each
/// failure in a row up to 10 s. Times are since some moment that all calls share.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failures: AtomicU32,
    usable_from_ms: AtomicU64,
}

impl Health {
    /// Whether the node is worth a call. Cheap while nothing has failed: `now` is not asked.
    pub(crate) fn usable(&self, now: impl FnOnce() -> Duration) -> bool {
        self.failures.load(Ordering::Relaxed) == 0
            || self.usable_from_ms.load(Ordering::Relaxed) <= as_ms(now())
    }

    /// An answer came.
    pub(crate) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// No answer came, or the node asked to be left alone for `retry_after_ms`.
    pub(crate) fn failed(&self, now: Duration, retry_after_ms: u32) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
        let pause_ms = (PAUSE_FIRST_MS << failures).min(PAUSE_MAX_MS).max(u64::from(retry_after_ms));
        self.usable_from_ms.fetch_max(as_ms(now).saturating_add(pause_ms), Ordering::Relaxed);
    }
}

fn as_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable_at(health: &Health, ms: u64) -> bool {
        health.usable(|| Duration::from_millis(ms))
    }

    #[test]
    fn failures_in_a_row_double_the_pause_and_a_success_ends_it() {
        let health = Health::default();
        assert!(usable_at(&health, 0));
        health.failed(Duration::ZERO, 0);
        assert!(!usable_at(&health, 99));
        assert!(usable_at(&health, 100));
        health.failed(Duration::from_millis(100), 0);
        assert!(!usable_at(&health, 299));
        assert!(usable_at(&health, 300));
        health.succeeded();
        assert!(usable_at(&health, 0));
    }

    #[test]
    fn the_nodes_own_wish_counts() {
        let health = Health::default();
        health.failed(Duration::ZERO, 3_000);
        assert!(!usable_at(&health, 2_999));
        assert!(usable_at(&health, 3_000));
    }

    #[test]
    fn the_pause_is_bounded() {
        let health = Health::default();
        (0..100).for_each(|_| health.failed(Duration::ZERO, 0));
        assert!(usable_at(&health, PAUSE_MAX_MS));
    }
}
