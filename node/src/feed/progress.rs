//! How far a reader has come in one partition.

use crate::session::{Dot, Origin, VersionVector};

/// Numbers passed over that are remembered, in ranges; the oldest are forgotten first.
const HOLES_MAX: usize = 64;

/// What an entry is to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Its turn: tell it.
    Next,
    /// It was told.
    Known,
    /// Something before it is missing, or lies further back in the log.
    Early,
}

/// Up to which number everything of each origin has been told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    vector: VersionVector,
    /// Vacant numbers below: what was refused may come in a sound copy after all.
    holes: Vec<(Origin, u64, u64)>,
}

impl Progress {
    /// Goes on after this vector.
    #[must_use]
    pub fn after(mut vector: VersionVector) -> Self {
        if planted!(FeedBeginsTooLate) {
            vector.dots.values_mut().for_each(|seq| *seq += 1);
        }
        Self { vector, holes: Vec::new() }
    }

    /// What was told.
    #[must_use]
    pub fn vector(&self) -> &VersionVector {
        &self.vector
    }

    /// Takes an entry that has just entered the log, if it is its turn.
    pub fn offer(&mut self, dot: Dot) -> Offer {
        let told = self.vector.get(&dot.origin);
        if dot.seq == told + 1 {
            self.set(dot.origin, dot.seq);
            Offer::Next
        } else if dot.seq > told {
            Offer::Early
        } else if self.fill(dot) || planted!(FeedTellsTwice) {
            Offer::Next
        } else {
            Offer::Known
        }
    }

    /// Takes an entry that was read from the log by vector: what lies before it is vacant.
    /// False if it was told.
    pub fn reach(&mut self, dot: Dot) -> bool {
        let told = self.vector.get(&dot.origin);
        if dot.seq <= told {
            return false;
        }
        if dot.seq > told + 1 {
            self.leave(dot.origin, told + 1, dot.seq - 1);
        }
        self.set(dot.origin, dot.seq);
        true
    }

    /// Goes on after numbers that no entry has.
    pub fn pass_over(&mut self, origin: Origin, last: u64) {
        let told = self.vector.get(&origin);
        if last > told {
            self.leave(origin, told + 1, last);
            self.set(origin, last);
        }
    }

    /// Goes on after numbers whose entries cannot be told.
    pub fn lose(&mut self, origin: Origin, last: u64) {
        if last > self.vector.get(&origin) {
            self.set(origin, last);
        }
    }

    fn set(&mut self, origin: Origin, seq: u64) {
        self.vector.dots.insert(origin, seq);
    }

    fn leave(&mut self, origin: Origin, first: u64, last: u64) {
        if self.holes.len() == HOLES_MAX {
            self.holes.remove(0);
        }
        self.holes.push((origin, first, last));
    }

    /// True if the dot was vacant; it no longer is.
    fn fill(&mut self, dot: Dot) -> bool {
        let is_in = |(origin, first, last): &(Origin, u64, u64)| {
            *origin == dot.origin && (*first..=*last).contains(&dot.seq)
        };
        let Some(at) = self.holes.iter().position(is_in) else { return false };
        let (origin, first, last) = self.holes.swap_remove(at);
        if first < dot.seq {
            self.leave(origin, first, dot.seq - 1);
        }
        if dot.seq < last {
            self.leave(origin, dot.seq + 1, last);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::ReplicaId;

    fn dot(replica: u16, seq: u64) -> Dot {
        Dot { origin: Origin { replica: ReplicaId(replica), incarnation: 1 }, seq }
    }

    #[test]
    fn what_was_vacant_is_told_once_when_it_comes_after_all() {
        let mut progress = Progress::default();
        assert_eq!(progress.offer(dot(1, 1)), Offer::Next);
        assert!(progress.reach(dot(1, 6)));
        progress.pass_over(dot(1, 0).origin, 9);
        for (seq, offer) in [(4, Offer::Next), (4, Offer::Known), (2, Offer::Next), (9, Offer::Next)] {
            assert_eq!(progress.offer(dot(1, seq)), offer, "{seq}");
        }
        assert_eq!(progress.offer(dot(1, 6)), Offer::Known);
        assert_eq!(progress.offer(dot(1, 11)), Offer::Early);
        assert!(!progress.reach(dot(1, 5)));
    }

    #[test]
    fn what_is_lost_is_not_vacant() {
        let mut progress = Progress::default();
        progress.lose(dot(1, 0).origin, 9);
        assert_eq!(progress.offer(dot(1, 5)), Offer::Known);
        assert_eq!(progress.offer(dot(1, 10)), Offer::Next);
        assert_eq!(Progress::after(progress.vector().clone()).offer(dot(1, 10)), Offer::Known);
    }

    proptest! {
        /// Entries come in any order; what comes early is read by vector once its turn
        /// has come. Wherever the reader is replaced by one that goes on from its
        /// vector, each entry is told once, those of one origin in order.
        #[test]
        fn each_entry_is_told_once_and_in_order(
            arrivals in Just((0u64..40).collect::<Vec<_>>()).prop_shuffle(),
            replaced in proptest::collection::btree_set(0usize..40, 0..6),
        ) {
            let arrivals: Vec<Dot> =
                arrivals.into_iter().map(|number| dot(1 + (number % 2) as u16, 1 + number / 2)).collect();
            let (mut progress, mut told) = (Progress::default(), Vec::new());
            for (number, arrival) in arrivals.iter().enumerate() {
                if replaced.contains(&number) {
                    progress = Progress::after(progress.vector().clone());
                }
                if progress.offer(*arrival) == Offer::Next {
                    told.push(*arrival);
                }
                // What the log then holds without a hole.
                loop {
                    let next = |dot: &&Dot| dot.seq == progress.vector().get(&dot.origin) + 1;
                    let Some(next) = arrivals[..=number].iter().find(next) else { break };
                    prop_assert!(progress.reach(*next));
                    told.push(*next);
                }
            }
            for replica in [1, 2] {
                let seqs: Vec<u64> =
                    told.iter().filter(|dot| dot.origin.replica.0 == replica).map(|dot| dot.seq).collect();
                prop_assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
            }
        }
    }
}
