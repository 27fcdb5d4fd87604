//! What follows from the cluster's state: the membership that nodes see, and who holds what.

use std::sync::Arc;

use sojourn_node::membership::{ClusterState, Membership, NodeState};
use sojourn_node::session::{Partition, ReplicaId};

/// The membership as a node with this state sees it.
pub(super) fn membership(state: &ClusterState) -> Arc<Membership> {
    Arc::new(Membership {
        cluster_id: state.cluster_id.clone(),
        epoch: state.epoch,
        nodes: state.nodes.clone(),
        layout: Arc::new(state.layout()),
        voters: Vec::new(),
        leader: None,
        term: 0,
    })
}

/// Whether a node serves a partition to clients.
pub(super) fn serves(membership: &Membership, replica: ReplicaId, partition: Partition) -> bool {
    let Some(regions) = membership.layout.read_replicas(partition) else { return false };
    regions.values().any(|replicas| replicas.contains(&replica))
}

/// The replicas that serve a partition, region by region.
pub(super) fn serving(membership: &Membership, partition: Partition) -> Vec<ReplicaId> {
    let regions = membership.layout.read_replicas(partition);
    regions.into_iter().flat_map(|regions| regions.values().flatten().copied()).collect()
}

/// Whether a change of the layout is under way.
pub(super) fn is_changing(membership: &Membership) -> bool {
    membership.layout.next.is_some()
}

/// Whether a node takes calls.
pub(super) fn is_ready(membership: &Membership, replica: ReplicaId) -> bool {
    let state = membership.nodes.get(&replica).map(|node| node.state);
    matches!(state, Some(NodeState::Active | NodeState::Draining))
}

pub(super) fn is_removed(state: &ClusterState, replica: ReplicaId) -> bool {
    state.nodes.get(&replica).is_some_and(|node| node.state == NodeState::Removed)
}

/// The state of members that are gone for good.
pub(super) const GONE: NodeState = NodeState::Removed;
