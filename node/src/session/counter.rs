//! A counter that replicas add to without meeting: a PN-counter.

use std::collections::BTreeSet;

use crdts::{CmRDT, CvRDT, Dot, PNCounter, pncounter};

use super::Origin;

/// The most that one origin may add to or subtract from one counter.
pub const AMOUNT_MAX: u64 = i64::MAX as u64;

/// The amount would carry an origin's share of a counter beyond 2^63 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a counter can hold at most {AMOUNT_MAX} added and as much subtracted by one node")]
pub struct CounterFull;

/// What one origin contributed to a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The contributor.
    pub origin: Origin,
    /// The sum of what it added.
    pub added: u64,
    /// The sum of what it subtracted.
    pub subtracted: u64,
}

impl Share {
    pub(crate) fn sum(&self) -> i128 {
        i128::from(self.added) - i128::from(self.subtracted)
    }
}

/// A counter: a [`crdts::PNCounter`] that can also list its shares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    crdt: PNCounter<Origin>,
    // The crate keeps its actors to itself.
    origins: BTreeSet<Origin>,
}

impl Counter {
    /// The fragment that adds `amount` (subtracts, if negative) on behalf of `origin`.
    ///
    /// It holds the origin's new share alone; merge it to apply it.
    ///
    /// # Errors
    /// [`CounterFull`] if the origin's share has no room for it.
    pub fn add(&self, origin: Origin, amount: i64) -> Result<Self, CounterFull> {
        let mut share = self.share(origin);
        if planted!(CounterSendsTheStep) {
            share = Share { origin, added: 0, subtracted: 0 };
        }
        let side = if amount >= 0 { &mut share.added } else { &mut share.subtracted };
        let sum = side.saturating_add(amount.unsigned_abs());
        if sum > AMOUNT_MAX {
            return Err(CounterFull);
        }
        *side = sum;
        let mut fragment = Self::default();
        fragment.insert(share);
        Ok(fragment)
    }

    /// The sum of all shares, kept within `i64`.
    #[must_use]
    pub fn value(&self) -> i64 {
        clamp(self.shares().map(|share| share.sum()).sum())
    }

    /// Joins another copy: the greater of each share.
    pub fn merge(&mut self, other: Self) {
        self.crdt.merge(other.crdt);
        self.origins.extend(other.origins);
    }

    /// The shares, in ascending order of their origins.
    pub fn shares(&self) -> impl ExactSizeIterator<Item = Share> + '_ {
        self.origins.iter().map(|&origin| self.share(origin))
    }

    /// Sets a share that was not there. An empty one changes nothing.
    pub(crate) fn insert(&mut self, share: Share) {
        let Share { origin, added, subtracted } = share;
        for (counter, dir) in [(added, pncounter::Dir::Pos), (subtracted, pncounter::Dir::Neg)] {
            if counter > 0 {
                self.crdt.apply(pncounter::Op { dot: Dot::new(origin, counter), dir });
                self.origins.insert(origin);
            }
        }
    }

    fn share(&self, origin: Origin) -> Share {
        // `inc` and `dec` name the next step without taking it. Shares end at 2^63 - 1, so it exists.
        Share {
            origin,
            added: self.crdt.inc(origin).dot.counter - 1,
            subtracted: self.crdt.dec(origin).dot.counter - 1,
        }
    }
}

/// A sum of shares as users see it.
pub(crate) fn clamp(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
