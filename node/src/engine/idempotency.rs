//! PURE. Remembers for a while what writes with an idempotency key have done.

use std::collections::{BTreeMap, VecDeque};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::engine::command::Reply;
use crate::session::{Dot, Key};

/// What a retry is told: the same as the first call.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) reply: Reply,
    pub(super) dot: Option<Dot>,
    /// The log block that a `SYNCED` retry waits for.
    pub(super) block: Option<u64>,
}

/// The window of one partition, bounded in items and time.
///
/// An item holds a hash in place of the key, so the bound in items is one in
/// bytes: about 200 bytes an item.
#[derive(Debug)]
pub(super) struct Window {
    outcomes: BTreeMap<u128, Outcome>,
    order: VecDeque<(u64, u128)>,
    items_max: usize,
    age_max_ms: u64,
}

impl Window {
    pub(super) fn new(items_max: usize, age_max_ms: u64) -> Self {
        Self { outcomes: BTreeMap::new(), order: VecDeque::new(), items_max, age_max_ms }
    }

    /// Names one call on one session.
    pub(super) fn call(key: &Key, idempotency_key: &[u8]) -> u128 {
        xxh3_128_with_seed(idempotency_key, xxh3_64(&key.0))
    }

    /// What the first such call did, if it is still remembered.
    pub(super) fn find(&mut self, call: u128, now_ms: u64) -> Option<Outcome> {
        self.forget_old(now_ms);
        self.outcomes.get(&call).filter(|_| !planted!(RetryAppliesTwice)).cloned()
    }

    pub(super) fn remember(&mut self, call: u128, outcome: Outcome, now_ms: u64) {
        if self.items_max == 0 {
            return;
        }
        while self.order.len() >= self.items_max {
            self.forget_first();
        }
        if self.outcomes.insert(call, outcome).is_none() {
            self.order.push_back((now_ms, call));
        }
    }

    fn forget_old(&mut self, now_ms: u64) {
        while self
            .order
            .front()
            .is_some_and(|(since_ms, _)| since_ms.saturating_add(self.age_max_ms) < now_ms)
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, call)) = self.order.pop_front() {
            self.outcomes.remove(&call);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        Outcome { reply: Reply::Updated, dot: None, block: None }
    }

    #[test]
    fn forgets_by_age_and_by_number() {
        let mut window = Window::new(2, 100);
        let calls: Vec<u128> = (0u8..3).map(|n| Window::call(&Key([n; 16]), b"retry")).collect();
        window.remember(calls[0], outcome(), 0);
        assert!(window.find(calls[0], 100).is_some());
        assert!(window.find(calls[0], 101).is_none());
        for call in &calls {
            window.remember(*call, outcome(), 200);
        }
        assert!(window.find(calls[0], 200).is_none());
        assert!(window.find(calls[1], 200).is_some());
        assert_eq!(window.order.len(), 2);
    }

    #[test]
    fn another_session_is_another_call() {
        assert_ne!(Window::call(&Key([1; 16]), b"a"), Window::call(&Key([2; 16]), b"a"));
    }
}
