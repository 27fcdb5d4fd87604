//! What can go wrong with the membership.

use super::{NodeState, Refusal};
use crate::session::ReplicaId;
use crate::store::StoreError;

/// A failure of the membership. None of them stops sessions, unless the node may not run at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MembershipError {
    /// A setting is wrong.
    #[error("{setting} {rule}")]
    Configuration {
        /// Which.
        setting: &'static str,
        /// What is allowed.
        rule: &'static str,
    },
    /// The disk belongs to another node or cluster.
    #[error(
        "the data directory belongs to {what} {on_disk:?}, the configuration says {configured:?}: \
         use the right directory, or an empty one to join anew"
    )]
    ForeignDisk {
        /// What differs: cluster or node.
        what: &'static str,
        /// What the disk says.
        on_disk: String,
        /// What the configuration says.
        configured: String,
    },
    /// This node's id was removed from the cluster.
    #[error(
        "replica {replica} was removed from the cluster for ever: start with an empty data directory to join anew"
    )]
    Removed {
        /// The id.
        replica: ReplicaId,
    },
    /// The other node belongs to another cluster.
    #[error("{detail}")]
    WrongCluster {
        /// Which clusters.
        detail: String,
    },
    /// The cluster's rules do not allow the change.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another node refused the call for good.
    #[error("{peer} refused: {detail}")]
    RefusedByPeer {
        /// Its address.
        peer: String,
        /// What it said.
        detail: String,
    },
    /// The cluster has no leader that can be reached; nothing was changed as far as this node knows.
    #[error("the membership has no leader that can be reached, so it cannot change now: {detail}")]
    NoLeader {
        /// The last failure.
        detail: String,
    },
    /// The other node did not answer.
    #[error("{peer} cannot be reached: {detail}")]
    Unreachable {
        /// Its address.
        peer: String,
        /// The failure.
        detail: String,
    },
    /// Neither on disk nor from a seed did the node find a cluster.
    #[error("no cluster to join: set seeds, or set bootstrap on the first node of a new cluster")]
    NoCluster,
    /// No seed let the node in.
    #[error("could not join the cluster within {timeout_ms} ms: {detail}")]
    JoinTimedOut {
        /// `join_timeout_ms`.
        timeout_ms: u64,
        /// The last failure.
        detail: String,
    },
    /// The disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Raft stopped.
    #[error("the membership stopped: {detail}")]
    Stopped {
        /// Why.
        detail: String,
    },
}

/// Fails if a node in this state may not run.
pub(super) fn must_not_be_removed(replica: ReplicaId, state: NodeState) -> Result<(), MembershipError> {
    match state {
        NodeState::Removed => Err(MembershipError::Removed { replica }),
        NodeState::Joining | NodeState::Active | NodeState::Draining => Ok(()),
    }
}
