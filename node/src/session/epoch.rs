//! Log out everywhere: one write that ends every session of a principal.

use crdts::{CmRDT, CvRDT};

use super::{Dot, VersionVector};

/// A principal's revocation vector: the "log out everywhere" writes so far.
///
/// A session remembers the vector at its login and is valid only if what it
/// remembers covers the current one. So it also ends sessions that the writer
/// had not seen, and logins that raced it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalEpoch {
    vector: VersionVector,
}

impl PrincipalEpoch {
    /// An epoch from its vector.
    #[must_use]
    pub fn new(vector: VersionVector) -> Self {
        Self { vector }
    }

    /// What a login remembers.
    #[must_use]
    pub fn vector(&self) -> &VersionVector {
        &self.vector
    }

    /// Ends every session whose login has not seen this write.
    pub fn advance(&mut self, dot: Dot) {
        self.vector.apply(dot.into());
    }

    /// Joins another copy.
    pub fn merge(&mut self, other: Self) {
        self.vector.merge(other.vector);
    }

    /// True if a login that remembers `epoch_seen` is still valid.
    #[must_use]
    pub fn covers(&self, epoch_seen: &VersionVector) -> bool {
        covers(epoch_seen, &self.vector)
    }
}

/// True if every dot of `needed` is within `held`.
#[must_use]
pub fn covers(held: &VersionVector, needed: &VersionVector) -> bool {
    needed.dots.iter().all(|(origin, &seq)| held.get(origin) >= seq)
}
