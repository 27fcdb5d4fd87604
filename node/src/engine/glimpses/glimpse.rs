//! PURE. What is waited for, until when, and what was waited for in vain.

use std::collections::BTreeMap;
use std::time::Duration;

use crdts::CvRDT;

use super::{KEPT, beyond};
use crate::session::{Origin, VersionVector};

/// What a record, or any of those that arrive, holds ahead of the partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Glimpse {
    /// What it holds for certain, without what the partition held when that was noted.
    pub(super) whole: VersionVector,
    seen: BTreeMap<Origin, Awaited>,
}

/// Entries of one origin that may be in it. They are waited for anew only once a later one was seen:
/// else what was lost with its writer would be waited for as long as anybody tells of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Awaited {
    seq: u64,
    until: Duration,
}

impl Glimpse {
    /// One of before the start, of which nobody knows for how long it was waited for.
    pub(super) fn kept(whole: VersionVector, seen: VersionVector) -> Self {
        let awaited = |(origin, seq)| (origin, Awaited { seq, until: Duration::ZERO });
        Self { whole, seen: seen.dots.into_iter().map(awaited).collect() }
    }

    pub(super) fn wait_anew(&mut self, now: Duration) {
        self.seen.values_mut().for_each(|awaited| awaited.until = now + KEPT);
    }

    /// Adds what the partition does not hold.
    pub(super) fn extend(
        &mut self,
        whole: &VersionVector,
        ahead: &VersionVector,
        held: &VersionVector,
        now: Duration,
    ) {
        self.whole.merge(beyond(whole, held));
        for (origin, seq) in &ahead.dots {
            let awaited = self.seen.entry(*origin).or_default();
            if awaited.seq < *seq {
                *awaited = Awaited { seq: *seq, until: now + KEPT };
            }
        }
    }

    /// Drops what has come and what was waited for for too long. False if nothing is left.
    pub(super) fn expire(&mut self, held: &VersionVector, now: Duration, given_up: &mut GivenUp) -> bool {
        self.seen.retain(|origin, awaited| {
            let is_ahead = held.get(origin) < awaited.seq;
            if is_ahead && now >= awaited.until {
                given_up.add(*origin, awaited.seq, held);
            }
            is_ahead && now < awaited.until
        });
        !self.seen.is_empty()
    }

    /// What is waited for still.
    pub(super) fn ahead(&self, held: &VersionVector, now: Duration) -> VersionVector {
        let ahead = self.seen.iter().filter(|(origin, it)| held.get(origin) < it.seq && now < it.until);
        VersionVector { dots: ahead.map(|(origin, awaited)| (*origin, awaited.seq)).collect() }
    }

    /// Until when the last of it is waited for.
    pub(super) fn until(&self) -> Duration {
        self.seen.values().map(|awaited| awaited.until).max().unwrap_or_default()
    }
}

/// Origins of which something is remembered to have been given up; the lowest is forgotten first.
const ORIGINS_MAX: usize = 1_024;

/// What of a partition was waited for in vain. Not of an origin of which more has come since: it, or
/// who has its entries, was merely slow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GivenUp {
    by_origin: BTreeMap<Origin, Vain>,
}

/// Up to which number, and what the partition held then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Vain {
    seq: u64,
    held: u64,
}

impl GivenUp {
    fn add(&mut self, origin: Origin, seq: u64, held: &VersionVector) {
        self.by_origin.retain(|origin, vain| vain.held == held.get(origin));
        let vain = self.by_origin.entry(origin).or_default();
        *vain = Vain { seq: vain.seq.max(seq), held: held.get(&origin) };
        if self.by_origin.len() > ORIGINS_MAX {
            self.by_origin.pop_first();
        }
    }

    /// What of a vector may still come.
    pub(super) fn may_come(&self, seen: &VersionVector, held: &VersionVector) -> VersionVector {
        let mut ahead = beyond(seen, held);
        ahead.dots.retain(|origin, seq| {
            let vain = self.by_origin.get(origin).filter(|vain| vain.held == held.get(origin));
            vain.is_none_or(|vain| vain.seq < *seq)
        });
        ahead
    }
}
