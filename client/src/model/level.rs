//! How many replicas, and how durable.

use sojourn_proto::session::v1;

/// How many replicas take part before the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Consistency {
    /// One replica of the region that takes the call.
    #[default]
    LocalOne,
    /// A majority of the replicas in the region that takes the call.
    LocalQuorum,
    /// A majority of the replicas in each region. Writes only.
    EachQuorum,
    /// Every replica of every region.
    All,
}

impl Consistency {
    /// Its number in the interface, as a policy holds it.
    #[must_use]
    pub fn number(self) -> i32 {
        self.to_wire().into()
    }

    pub(crate) fn to_wire(self) -> v1::Consistency {
        match self {
            Self::LocalOne => v1::Consistency::LocalOne,
            Self::LocalQuorum => v1::Consistency::LocalQuorum,
            Self::EachQuorum => v1::Consistency::EachQuorum,
            Self::All => v1::Consistency::All,
        }
    }
}

/// When a write counts as kept on the disk of the node that answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// Synced to disk within the node's stated interval (100 ms by default).
    #[default]
    Buffered,
    /// Synced to disk before the answer.
    Synced,
}

impl Durability {
    /// Its number in the interface, as a policy holds it.
    #[must_use]
    pub fn number(self) -> i32 {
        self.to_wire().into()
    }

    pub(crate) fn to_wire(self) -> v1::Durability {
        match self {
            Self::Buffered => v1::Durability::Buffered,
            Self::Synced => v1::Durability::Synced,
        }
    }
}
