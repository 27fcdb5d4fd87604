//! What the change feed told last, for reads that were under way meanwhile.

use std::collections::VecDeque;

use super::FeedKey;

/// So many are remembered; a read that took longer is not kept.
const TOLD_MAX: usize = 4_096;

/// The newest of what was told, and how much was told in all.
#[derive(Default)]
pub(super) struct Told {
    newest: VecDeque<FeedKey>,
    count: u64,
}

impl Told {
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn push(&mut self, key: FeedKey) {
        if self.newest.len() == TOLD_MAX {
            self.newest.pop_front();
        }
        self.newest.push_back(key);
        self.count += 1;
    }

    /// Whether a session was told of since `count`, or may have been.
    pub(super) fn has_since(&self, count: u64, key: &FeedKey) -> bool {
        let since = usize::try_from(self.count - count).unwrap_or(usize::MAX);
        since > self.newest.len() || self.newest.iter().rev().take(since).any(|told| told == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_since_counts() {
        let mut told = Told::default();
        told.push([1; 16]);
        let begun = told.count();
        told.push([2; 16]);
        assert!(told.has_since(begun, &[2; 16]) && !told.has_since(begun, &[1; 16]));
        assert!(told.has_since(0, &[1; 16]) && !told.has_since(told.count(), &[2; 16]));
    }

    #[test]
    fn what_is_forgotten_may_have_been_anything() {
        let mut told = Told::default();
        for _ in 0..=TOLD_MAX {
            told.push([1; 16]);
        }
        assert!(told.has_since(0, &[2; 16]) && !told.has_since(1, &[2; 16]));
        assert_eq!(told.newest.len(), TOLD_MAX);
    }
}
