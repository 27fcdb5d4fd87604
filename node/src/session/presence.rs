//! Whether one member is in a set: an observed-remove set of at most one element.

use std::collections::BTreeMap;

use bytes::Bytes;
use crdts::{CmRDT, CvRDT, Orswot, orswot};

use super::{Dot, Origin, VersionVector};

/// The members of a set that were ever added, with their presence.
pub type Members = BTreeMap<Bytes, Presence>;

/// The presence of one member of a set.
///
/// Each member has its own [`crdts::Orswot`], so that a fragment can carry the
/// changed members alone: a shared clock would make the others look removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    crdt: Orswot<(), Origin>,
}

impl Presence {
    /// The member's state after it was added; also the fragment to send. The dot must be new.
    #[must_use]
    pub fn add(&self, dot: Dot) -> Self {
        let mut added = self.clone();
        added.insert(dot, true);
        added
    }

    /// The member's state after the additions seen here were removed; also the fragment to send.
    #[must_use]
    pub fn remove(&self) -> Self {
        let mut removed = self.clone();
        let clock = self.crdt.contains(&()).rm_clock;
        removed.crdt.apply(orswot::Op::Rm { clock, members: vec![()] });
        removed
    }

    /// True if the member is in the set: an addition that no removal had seen is left.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.crdt.contains(&()).val
    }

    /// Joins another copy: an addition wins over removals that had not seen it.
    pub fn merge(&mut self, other: Self) {
        if planted!(RemovalBeatsUnseenAdd) && !other.is_present() {
            *self = self.remove();
        }
        self.crdt.merge(other.crdt);
    }

    /// Every addition known: all, and those that are still in force.
    pub(crate) fn clocks(&self) -> (VersionVector, VersionVector) {
        let read = self.crdt.contains(&());
        (read.add_clock, read.rm_clock)
    }

    /// Takes note of an addition, in force or already removed.
    pub(crate) fn insert(&mut self, dot: Dot, in_force: bool) {
        let members = if in_force { vec![()] } else { Vec::new() };
        self.crdt.apply(orswot::Op::Add { dot: dot.into(), members });
    }
}
