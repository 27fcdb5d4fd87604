//! What may be asked of the membership, and what comes of it.

use serde::{Deserialize, Serialize};

use super::NodeState;
use crate::session::ReplicaId;

/// A node that asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// `host:port` where it is reached.
    pub address: String,
    /// Its weight, from 1.
    pub weight: u32,
    /// 16 random bytes of its disk, as hexadecimal.
    pub store_id: String,
}

/// One change of the cluster's state. Each is idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Founds the cluster with its first node, which is active at once.
    Found {
        /// The cluster.
        cluster_id: String,
        /// Partitions, for ever.
        partition_count: u32,
        /// Replicas of a partition in each region.
        replicas_per_region: u32,
        /// The first node; gets replica id 1.
        node: Candidate,
    },
    /// Lets a node in. The same name and store get the same id again.
    Join(Candidate),
    /// A joining node has caught up and becomes part of the layout.
    Activate {
        /// The node.
        replica: ReplicaId,
    },
    /// A node came back with another address or weight.
    SetAddress {
        /// The node.
        replica: ReplicaId,
        /// `host:port`.
        address: String,
        /// Its weight, from 1.
        weight: u32,
    },
    /// An operator drains, returns or removes a node.
    SetState {
        /// The node.
        replica: ReplicaId,
        /// Draining, active or removed; see [`Refusal::NotAllowed`].
        state: NodeState,
    },
    /// A node holds all that the next layout wants it to serve. Of another
    /// version than the next layout's it changes nothing.
    Synced {
        /// The node.
        replica: ReplicaId,
        /// The next layout's version.
        layout_version: u64,
    },
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    /// The node is in, with this id.
    Joined {
        /// Its id.
        replica: ReplicaId,
    },
    /// The state is as asked for.
    Done,
    /// Nothing changed.
    Refused(Refusal),
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The cluster exists already.
    #[error("the cluster was founded already, as {cluster_id:?}")]
    AlreadyFounded {
        /// Its id.
        cluster_id: String,
    },
    /// There is no cluster yet.
    #[error("the cluster is not founded yet: start its bootstrap node first")]
    NotFounded,
    /// Another disk holds the name.
    #[error(
        "the name {name:?} belongs to replica {replica}, which has another disk: \
         choose another name, or remove that node first"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        replica: ReplicaId,
    },
    /// The disk belongs to a node of another name or region.
    #[error(
        "this disk belongs to replica {replica}, node {name:?} of region {region:?}: \
         it may not be used by another node"
    )]
    DiskTaken {
        /// Who has it.
        replica: ReplicaId,
        /// Its name.
        name: String,
        /// Its region.
        region: String,
    },
    /// The node was removed for ever.
    #[error("replica {replica} was removed for ever: start with an empty data directory to join anew")]
    Removed {
        /// Its id.
        replica: ReplicaId,
    },
    /// No node has the id.
    #[error("there is no replica {replica}")]
    UnknownReplica {
        /// The id.
        replica: ReplicaId,
    },
    /// A node cannot go from its state to that one.
    #[error(
        "replica {replica} is {from:?} and cannot become {to:?}: \
         active and draining nodes may become each other, and any node may be removed"
    )]
    NotAllowed {
        /// Its id.
        replica: ReplicaId,
        /// Its state.
        from: NodeState,
        /// The state asked for.
        to: NodeState,
    },
    /// Without it nobody would be left.
    #[error("replica {replica} is the last active node and cannot be drained or removed")]
    LastActive {
        /// Its id.
        replica: ReplicaId,
    },
    /// All 65 535 replica ids were given away.
    #[error("no replica id is left: each of the 65535 was used once")]
    IdsExhausted,
    /// A value is out of bounds.
    #[error("{what} {rule}")]
    Invalid {
        /// Which value.
        what: String,
        /// What is allowed.
        rule: String,
    },
}
