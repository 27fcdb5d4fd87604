//! Where a session's partition is served.

use std::collections::{BTreeMap, BTreeSet};

use crate::membership::{Membership, MembershipWatch, NodeState};
use crate::session::{Partition, ReplicaId};

/// Where a call goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// This node serves it.
    Here,
    /// These nodes do: those of the own region first, each region in order of preference.
    There(Vec<ReplicaId>),
}

/// Finds replicas by the layout of the moment.
pub(super) struct Router {
    membership: MembershipWatch,
    own: ReplicaId,
    region: String,
}

impl Router {
    pub(super) fn new(membership: MembershipWatch, own: ReplicaId, region: String) -> Self {
        Self { membership, own, region }
    }

    pub(super) fn own(&self) -> ReplicaId {
        self.own
    }

    /// This node's region.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// Where the replicas are that serve a partition. A node that is about to
    /// serve it does not count: it may lack what the others have acknowledged.
    pub(super) fn place(&self, partition: Partition) -> Place {
        let membership = self.membership.borrow();
        let Some(regions) = membership.layout.read_replicas(partition) else {
            return Place::There(Vec::new());
        };
        let local = regions.get(&self.region).map_or(&[][..], Vec::as_slice);
        if local.contains(&self.own) {
            return Place::Here;
        }
        let remote =
            regions.iter().filter(|(region, _)| **region != self.region).flat_map(|(_, nodes)| nodes);
        Place::There(local.iter().chain(remote).copied().collect())
    }

    /// Whether this node serves a partition.
    pub(super) fn is_here(&self, partition: Partition) -> bool {
        let membership = self.membership.borrow();
        let regions = membership.layout.read_replicas(partition);
        regions.and_then(|regions| regions.get(&self.region)).is_some_and(|local| local.contains(&self.own))
    }

    /// Whether this node serves any partition of sessions.
    pub(super) fn holds_any(&self) -> bool {
        let membership = self.membership.borrow();
        let held = |regions: &crate::placement::RegionReplicas| {
            regions.get(&self.region).is_some_and(|local| local.contains(&self.own))
        };
        membership.layout.session_partitions().any(held)
    }

    /// Other nodes that take new sessions, those of the own region first.
    pub(super) fn others(&self) -> Vec<ReplicaId> {
        let membership = self.membership.borrow();
        let regions = membership.layout.session_partitions().flat_map(BTreeMap::values);
        let serving: BTreeSet<ReplicaId> = regions.flatten().copied().collect();
        let active = membership.nodes.values().filter(|node| node.state == NodeState::Active);
        let mut others: Vec<_> =
            active.filter(|node| node.replica != self.own && serving.contains(&node.replica)).collect();
        others.sort_by_key(|node| (node.region != self.region, node.replica));
        others.into_iter().map(|node| node.replica).collect()
    }

    /// The membership of the moment.
    pub(super) fn membership(&self) -> std::sync::Arc<Membership> {
        self.membership.borrow().clone()
    }

    /// Follows the membership.
    pub(super) fn watch(&self) -> MembershipWatch {
        self.membership.clone()
    }
}
