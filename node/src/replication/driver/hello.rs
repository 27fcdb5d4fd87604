//! Who may replicate with this node.

use sojourn_proto::replication::v1 as pb;
use tonic::Status;

use crate::membership::{Membership, NodeState};
use crate::security::PeerIdentity;
use crate::session::{Origin, ReplicaId};

/// The version of the protocol between nodes.
pub const PROTOCOL_VERSION: u32 = 1;

/// Why a node may not replicate with this one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The first message did not say who calls.
    #[error("the first message must say who is calling")]
    Nameless,
    /// Another cluster's node.
    #[error("this is cluster {ours}, the caller belongs to cluster {theirs}")]
    ForeignCluster {
        /// This cluster.
        ours: String,
        /// The caller's.
        theirs: String,
    },
    /// A version that this node does not speak.
    #[error("this node speaks replication protocol {PROTOCOL_VERSION}, the caller {0}")]
    Protocol(u32),
    /// Not in the membership, as far as this node knows.
    #[error(
        "replica {replica} is not a member as of epoch {epoch}; it may join or wait until this node knows it"
    )]
    Unknown {
        /// As claimed.
        replica: ReplicaId,
        /// This node's view of the membership.
        epoch: u64,
    },
    /// Fenced for ever.
    #[error(
        "replica {0} was removed from the cluster; a removed node can only join again as a new one, with an empty data directory"
    )]
    Removed(ReplicaId),
    /// The certificate names another node than the membership does.
    #[error("the certificate does not belong to replica {0}")]
    Certificate(ReplicaId),
    /// The caller uses this node's own replica id.
    #[error("replica {0} is this node itself; the caller may run on a copy of its disk")]
    Itself(ReplicaId),
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Nameless => Self::invalid_argument(message),
            Refusal::Unknown { .. } => Self::unavailable(message),
            Refusal::ForeignCluster { .. } | Refusal::Certificate(_) => Self::permission_denied(message),
            Refusal::Protocol(_) | Refusal::Removed(_) | Refusal::Itself(_) => {
                Self::failed_precondition(message)
            }
        }
    }
}

/// Says who `me` is, and what it knows of the membership.
#[must_use]
pub fn caller(membership: &Membership, me: Origin) -> pb::Caller {
    pb::Caller {
        cluster_id: membership.cluster_id.clone(),
        replica_id: me.replica.0.into(),
        incarnation: me.incarnation,
        epoch: membership.epoch,
    }
}

/// The first frame of a link, from either side.
#[must_use]
pub fn hello(membership: &Membership, me: Origin) -> pb::Frame {
    let hello = pb::Hello { caller: Some(caller(membership, me)), protocol_version: PROTOCOL_VERSION };
    pb::Frame { kind: Some(pb::frame::Kind::Hello(hello)) }
}

/// Checks a caller against the membership and the identity in its certificate.
///
/// # Errors
/// Why it may not replicate with this node.
pub fn check_caller(
    membership: &Membership,
    me: ReplicaId,
    caller: Option<&pb::Caller>,
    identity: &PeerIdentity,
) -> Result<Origin, Refusal> {
    let caller = caller.ok_or(Refusal::Nameless)?;
    if caller.cluster_id != membership.cluster_id {
        let (ours, theirs) = (membership.cluster_id.clone(), caller.cluster_id.clone());
        return Err(Refusal::ForeignCluster { ours, theirs });
    }
    let replica = u16::try_from(caller.replica_id).map(ReplicaId).map_err(|_| Refusal::Nameless)?;
    if replica == me {
        return Err(Refusal::Itself(replica));
    }
    let node = membership.nodes.get(&replica);
    let node = node.ok_or(Refusal::Unknown { replica, epoch: membership.epoch })?;
    if node.state == NodeState::Removed && !planted!(RemovedNodeIsHeard) {
        return Err(Refusal::Removed(replica));
    }
    match identity {
        PeerIdentity::Node { name, region } if *name == node.name && *region == node.region => {}
        _ => return Err(Refusal::Certificate(replica)),
    }
    Ok(Origin { replica, incarnation: caller.incarnation })
}

/// Checks the first frame of a link.
///
/// # Errors
/// Why the peer may not replicate with this node.
pub fn check_hello(
    membership: &Membership,
    me: ReplicaId,
    first: Option<pb::Frame>,
    identity: &PeerIdentity,
) -> Result<Origin, Refusal> {
    let Some(pb::frame::Kind::Hello(hello)) = first.and_then(|frame| frame.kind) else {
        return Err(Refusal::Nameless);
    };
    let origin = check_caller(membership, me, hello.caller.as_ref(), identity)?;
    if hello.protocol_version == PROTOCOL_VERSION {
        Ok(origin)
    } else {
        Err(Refusal::Protocol(hello.protocol_version))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::membership::Node;

    fn membership() -> Membership {
        let node = |id, state| Node {
            replica: ReplicaId(id),
            name: format!("n{id}"),
            region: "eu".into(),
            address: String::new(),
            weight: 1,
            state,
            store_id: String::new(),
        };
        let nodes = [node(1, NodeState::Active), node(2, NodeState::Active), node(3, NodeState::Removed)];
        Membership {
            cluster_id: "c".into(),
            epoch: 7,
            nodes: nodes.into_iter().map(|node| (node.replica, node)).collect::<BTreeMap<_, _>>(),
            layout: Default::default(),
            voters: Vec::new(),
            leader: None,
            term: 1,
        }
    }

    fn refusal(cluster: &str, replica_id: u32, name: &str) -> Result<Origin, Refusal> {
        let caller = pb::Caller { cluster_id: cluster.into(), replica_id, incarnation: 5, epoch: 1 };
        let identity = PeerIdentity::Node { name: name.into(), region: "eu".into() };
        check_caller(&membership(), ReplicaId(1), Some(&caller), &identity)
    }

    #[test]
    fn only_members_with_their_own_certificate_are_let_in() {
        assert_eq!(refusal("c", 2, "n2"), Ok(Origin { replica: ReplicaId(2), incarnation: 5 }));
        assert!(matches!(refusal("d", 2, "n2"), Err(Refusal::ForeignCluster { .. })));
        assert_eq!(refusal("c", 2, "n3"), Err(Refusal::Certificate(ReplicaId(2))));
        assert_eq!(refusal("c", 3, "n3"), Err(Refusal::Removed(ReplicaId(3))));
        assert_eq!(refusal("c", 4, "n4"), Err(Refusal::Unknown { replica: ReplicaId(4), epoch: 7 }));
        assert_eq!(refusal("c", 1, "n1"), Err(Refusal::Itself(ReplicaId(1))));
        assert_eq!(refusal("c", 70_000, "n1"), Err(Refusal::Nameless));
    }

    #[test]
    fn another_protocol_version_is_refused() {
        let caller = pb::Caller { cluster_id: "c".into(), replica_id: 2, incarnation: 5, epoch: 1 };
        let identity = PeerIdentity::Node { name: "n2".into(), region: "eu".into() };
        let hello = pb::Hello { caller: Some(caller), protocol_version: 9 };
        let first = pb::Frame { kind: Some(pb::frame::Kind::Hello(hello)) };
        let refused = check_hello(&membership(), ReplicaId(1), Some(first), &identity);
        assert_eq!(refused, Err(Refusal::Protocol(9)));
        assert_eq!(check_hello(&membership(), ReplicaId(1), None, &identity), Err(Refusal::Nameless));
    }
}
