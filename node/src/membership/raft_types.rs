//! Raft's types, as this cluster uses them.

use std::io::Cursor;

use serde::{Deserialize, Serialize};

use super::{Change, ChangeOutcome, Node};
use crate::session::ReplicaId;
use crate::transport::PeerExpectation;

openraft::declare_raft_types!(
    /// What Raft replicates.
    pub(super) TypeConfig:
        D = Change,
        R = ChangeOutcome,
        NodeId = u64,
        Node = RaftPeer,
        Entry = openraft::Entry<TypeConfig>,
        SnapshotData = Cursor<Vec<u8>>,
);

pub(super) type Raft = openraft::Raft<TypeConfig>;
pub(super) type RaftMetrics = openraft::RaftMetrics<u64, RaftPeer>;
pub(super) type LogId = openraft::LogId<u64>;
pub(super) type Entry = openraft::Entry<TypeConfig>;
pub(super) type StoredMembership = openraft::StoredMembership<u64, RaftPeer>;
pub(super) type SnapshotMeta = openraft::SnapshotMeta<u64, RaftPeer>;
pub(super) type Snapshot = openraft::Snapshot<TypeConfig>;
pub(super) type StorageError = openraft::StorageError<u64>;
pub(super) type StorageIoError = openraft::StorageIOError<u64>;

/// Where a member was when it was added; the cluster's state knows better if it moved since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RaftPeer {
    pub(super) address: String,
    pub(super) name: String,
    pub(super) region: String,
}

impl RaftPeer {
    pub(super) fn of(node: &Node) -> Self {
        Self { address: node.address.clone(), name: node.name.clone(), region: node.region.clone() }
    }

    pub(super) fn expectation(&self) -> PeerExpectation {
        PeerExpectation::Node { name: self.name.clone(), region: self.region.clone() }
    }
}

pub(super) fn raft_id(replica: ReplicaId) -> u64 {
    u64::from(replica.0)
}

/// Raft's ids are all replica ids; 0, which is never allotted, stands for what cannot be.
pub(super) fn replica_of(raft_id: u64) -> ReplicaId {
    ReplicaId(u16::try_from(raft_id).unwrap_or(0))
}
