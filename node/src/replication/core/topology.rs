//! Who replicates what, and who relays.

use std::collections::BTreeMap;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::membership::{Membership, NodeState};
use crate::placement::{Layout, RegionReplicas};
use crate::session::{Origin, Partition, ReplicaId};

/// The membership as replication sees it.
#[derive(Clone, Debug)]
pub struct Topology {
    me: Origin,
    region: String,
    /// The regions of all nodes that are not removed, this one included.
    nodes: BTreeMap<ReplicaId, String>,
    layout: Arc<Layout>,
}

impl Topology {
    /// What `me` sees of a membership.
    #[must_use]
    pub fn new(me: Origin, membership: &Membership) -> Self {
        let nodes: BTreeMap<ReplicaId, String> = membership
            .nodes
            .values()
            .filter(|node| node.state != NodeState::Removed)
            .map(|node| (node.replica, node.region.clone()))
            .collect();
        let region = nodes.get(&me.replica).cloned().unwrap_or_default();
        Self { me, region, nodes, layout: membership.layout.clone() }
    }

    /// This node and its start.
    #[must_use]
    pub fn me(&self) -> Origin {
        self.me
    }

    /// This node's region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The region of a node that is not removed.
    #[must_use]
    pub fn region_of(&self, replica: ReplicaId) -> Option<&str> {
        self.nodes.get(&replica).map(String::as_str)
    }

    /// The cluster's number of partitions.
    #[must_use]
    pub fn partition_count(&self) -> u32 {
        self.layout.partition_count
    }

    /// The newest layout that this node knows of.
    #[must_use]
    pub fn layout_version(&self) -> u64 {
        self.layout.newest_version()
    }

    /// The replicas of a partition that receive writes, by region.
    #[must_use]
    pub fn replicas(&self, partition: Partition) -> Option<&RegionReplicas> {
        self.layout.write_replicas(partition)
    }

    /// A node serves the partition's reads.
    #[must_use]
    pub fn serves(&self, replica: ReplicaId, partition: Partition) -> bool {
        self.layout
            .read_replicas(partition)
            .is_some_and(|regions| regions.values().any(|replicas| replicas.contains(&replica)))
    }

    /// The partitions that this node must sync, each with the groups of replicas to sync from.
    pub(super) fn to_sync(&self) -> BTreeMap<Partition, Vec<Vec<ReplicaId>>> {
        self.layout.to_sync(self.me.replica, &self.region)
    }

    /// Partitions that are no longer this node's.
    pub(super) fn not_held(&self) -> impl Iterator<Item = Partition> {
        self.partitions().filter(|partition| !self.holds(self.me.replica, *partition))
    }

    fn partitions(&self) -> impl Iterator<Item = Partition> {
        (0..self.layout.partitions.len()).filter_map(|number| u16::try_from(number).ok().map(Partition))
    }

    /// A node receives the partition's writes.
    #[must_use]
    pub fn holds(&self, replica: ReplicaId, partition: Partition) -> bool {
        self.replicas(partition)
            .is_some_and(|regions| regions.values().any(|replicas| replicas.contains(&replica)))
    }

    pub(super) fn is_peer(&self, replica: ReplicaId) -> bool {
        replica != self.me.replica && self.nodes.contains_key(&replica)
    }

    pub(super) fn peers(&self) -> Vec<ReplicaId> {
        self.nodes.keys().copied().filter(|replica| *replica != self.me.replica).collect()
    }

    /// The other replicas of a partition in this region.
    pub(super) fn neighbours(&self, partition: Partition) -> impl Iterator<Item = ReplicaId> {
        let replicas = self.replicas(partition).and_then(|regions| regions.get(&self.region));
        replicas.into_iter().flatten().copied().filter(|replica| *replica != self.me.replica)
    }

    /// The partitions that this node and a peer both hold, ascending.
    pub(super) fn shared(&self, peer: ReplicaId) -> Vec<Partition> {
        self.partitions()
            .filter(|partition| self.holds(self.me.replica, *partition) && self.holds(peer, *partition))
            .collect()
    }
}

/// Picks one of several nodes for an origin's entries of a partition: the highest
/// random weight (Thaler and Ravishankar, 1998). All nodes pick alike, different
/// origins and partitions spread over the nodes, and a node that goes moves only
/// what it had.
pub(super) fn rendezvous(
    partition: Partition,
    origin: ReplicaId,
    candidates: impl Iterator<Item = ReplicaId>,
) -> Option<ReplicaId> {
    candidates.max_by_key(|candidate| {
        let mut bytes = [0; 6];
        bytes[..2].copy_from_slice(&partition.0.to_be_bytes());
        bytes[2..4].copy_from_slice(&origin.0.to_be_bytes());
        bytes[4..].copy_from_slice(&candidate.0.to_be_bytes());
        (xxh3_64(&bytes), *candidate)
    })
}

#[cfg(test)]
impl Topology {
    pub(super) fn for_test(me: Origin, nodes: BTreeMap<ReplicaId, String>, layout: Arc<Layout>) -> Self {
        let region = nodes[&me.replica].clone();
        Self { me, region, nodes, layout }
    }

    pub(super) fn layout(&self) -> Arc<Layout> {
        self.layout.clone()
    }
}
