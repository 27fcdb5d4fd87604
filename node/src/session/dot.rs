//! Who wrote what, and how far a replica has read.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names a node for ever: allotted once by the membership, never used again. 0 is never allotted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReplicaId(pub u16);

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One start of one node.
///
/// The incarnation is advanced and synced to disk before the first write after
/// each start. So a crash that forgets unsynced writes can never number new
/// writes like forgotten ones that peers already hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The node.
    pub replica: ReplicaId,
    /// Which of its starts, from 1.
    pub incarnation: u32,
}

/// Names one write: the `seq`-th of `origin` in the session's partition, from 1, without holes.
///
/// The partition is not repeated here because every dot stands beside a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// Who wrote it.
    pub origin: Origin,
    /// Its number.
    pub seq: u64,
}

impl From<Dot> for crdts::Dot<Origin> {
    fn from(Dot { origin, seq }: Dot) -> Self {
        Self::new(origin, seq)
    }
}

/// Names this write and those before it.
impl From<Dot> for VersionVector {
    fn from(dot: Dot) -> Self {
        crdts::Dot::from(dot).into()
    }
}

/// For each origin the number up to which everything is held.
pub type VersionVector = crdts::VClock<Origin>;
