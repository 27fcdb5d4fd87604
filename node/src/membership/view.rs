//! What the rest of the node sees of the membership.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::placement::Layout;
use crate::session::ReplicaId;

/// The life of a node in the membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// Has a replica id, is not yet part of the layout.
    Joining,
    /// Holds partitions and takes calls.
    Active,
    /// Hands its partitions over.
    Draining,
    /// Fenced for ever.
    Removed,
}

/// One node as committed by Raft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Allotted once.
    pub replica: ReplicaId,
    /// Unique in the cluster; the name in its certificate.
    pub name: String,
    /// The region in its certificate.
    pub region: String,
    /// `host:port` for clients and nodes.
    pub address: String,
    /// Its share of partitions relative to other nodes of its region, from 1.
    pub weight: u32,
    /// Where it is in its life.
    pub state: NodeState,
    /// 16 random bytes of its disk, as hexadecimal; tells a restart from a wiped or cloned node.
    pub store_id: String,
}

/// The membership at one moment, as this node knows it.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The cluster.
    pub cluster_id: String,
    /// Raft's log index of the last applied change.
    pub epoch: u64,
    /// Every node ever, removed ones included.
    pub nodes: BTreeMap<ReplicaId, Node>,
    /// Which nodes hold which partitions.
    pub layout: Arc<Layout>,
    /// Which nodes vote.
    pub voters: Vec<ReplicaId>,
    /// The Raft leader this node knows of.
    pub leader: Option<ReplicaId>,
    /// The Raft term.
    pub term: u64,
}

/// Follows the membership.
pub type MembershipWatch = watch::Receiver<Arc<Membership>>;
