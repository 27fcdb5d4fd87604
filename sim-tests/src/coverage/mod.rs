//! Which fault classes were tried, which of them changed anything, and which met each other.

mod expressible;

use std::collections::{BTreeMap, BTreeSet};

pub use expressible::{expressible, is_expressible};

use crate::plan::{FaultClass, Level};
use crate::record::Outcome;

/// In how many runs a class took part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// It began to act.
    pub fired: u64,
    /// It changed something.
    pub observed: u64,
}

/// What a number of runs has covered.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    classes: BTreeMap<FaultClass, Seen>,
    pairs: BTreeSet<(FaultClass, FaultClass)>,
}

impl Coverage {
    /// Counts a run.
    pub fn add(&mut self, outcome: &Outcome) {
        for (class, observed) in &outcome.faults {
            let seen = self.classes.entry(*class).or_default();
            seen.fired += 1;
            seen.observed += u64::from(*observed);
        }
        let observed = || outcome.faults.iter().filter(|(_, observed)| **observed).map(|(class, _)| *class);
        for (index, one) in observed().enumerate() {
            self.pairs.extend(observed().skip(index + 1).map(|other| (one, other)));
        }
    }

    /// How a class fared.
    #[must_use]
    pub fn of(&self, class: FaultClass) -> Seen {
        self.classes.get(&class).copied().unwrap_or_default()
    }

    /// In how many runs each class fired, summed over classes.
    #[must_use]
    pub fn fired(&self) -> u64 {
        self.classes.values().map(|seen| seen.fired).sum()
    }

    /// Pairs of classes that were both observed in one run, and all pairs that the level can express.
    #[must_use]
    pub fn pairs(&self, level: Level) -> (usize, usize) {
        let classes = expressible(level).count();
        (self.pairs.len(), classes * classes.saturating_sub(1) / 2)
    }

    /// Classes that the level can express and that never fired, or never changed anything.
    pub fn missing(&self, level: Level) -> impl Iterator<Item = FaultClass> {
        expressible(level).filter(|class| self.of(*class).observed == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Counts;

    fn outcome(faults: &[(FaultClass, bool)]) -> Outcome {
        Outcome {
            violation: None,
            is_held_back: false,
            trace_hash: 0,
            happenings: 0,
            simulated_us: 0,
            counts: Counts::default(),
            faults_begun: faults.len() as u64,
            faults: faults.iter().copied().collect(),
            timeline: Vec::new(),
        }
    }

    #[test]
    fn a_class_that_changed_nothing_is_missing() {
        let mut coverage = Coverage::default();
        coverage.add(&outcome(&[(FaultClass::Loss, true), (FaultClass::Pause, false)]));
        coverage.add(&outcome(&[(FaultClass::Loss, true)]));
        assert_eq!(coverage.of(FaultClass::Loss), Seen { fired: 2, observed: 2 });
        assert_eq!(coverage.of(FaultClass::Pause), Seen { fired: 1, observed: 0 });
        let missing: Vec<_> = coverage.missing(Level::Core).collect();
        assert!(missing.contains(&FaultClass::Pause));
        assert!(!missing.contains(&FaultClass::Loss));
    }

    #[test]
    fn a_pair_must_be_observed_in_one_run() {
        let mut coverage = Coverage::default();
        coverage.add(&outcome(&[(FaultClass::Loss, true)]));
        coverage.add(&outcome(&[(FaultClass::Pause, true), (FaultClass::Reorder, false)]));
        assert_eq!(coverage.pairs(Level::Core).0, 0);
        coverage.add(&outcome(&[(FaultClass::Pause, true), (FaultClass::Loss, true)]));
        assert_eq!(coverage.pairs(Level::Core).0, 1);
    }
}
