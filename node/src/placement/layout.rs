//! A layout: the replicas of each partition in each region.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::transition;
use crate::session::{Partition, ReplicaId};

/// A node as placement sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutNode {
    /// The node.
    pub replica: ReplicaId,
    /// Its region.
    pub region: String,
    /// Its share relative to other nodes of its region, from 1.
    pub weight: u32,
}

/// The replicas of one partition: for each region, in order of preference.
pub type RegionReplicas = BTreeMap<String, Vec<ReplicaId>>;

/// Which nodes hold which partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Of the replicas that serve; grows with each change of them.
    pub version: u64,
    /// Partitions of sessions: a power of two.
    pub partition_count: u32,
    /// Replicas of a partition in each region, at most.
    pub replicas_per_region: u32,
    /// Entry `i` is partition `i`, the last one the global partition: the replicas
    /// that serve reads and coordinate writes.
    pub partitions: Vec<RegionReplicas>,
    /// The layout that takes over once its new replicas have synced; none if no change is under way.
    pub next: Option<NextLayout>,
}

/// A layout that does not serve yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NextLayout {
    /// Grows with each change.
    pub version: u64,
    /// Entry `i` is partition `i`: the replicas that will serve.
    pub partitions: Vec<RegionReplicas>,
    /// Nodes that must still report that they hold what they will serve.
    pub unsynced: BTreeSet<ReplicaId>,
    /// Entry `i` is partition `i`: those that serve and those that will.
    writes: Vec<RegionReplicas>,
}

impl Layout {
    /// The replicas that serve each partition of sessions.
    pub fn session_partitions(&self) -> impl Iterator<Item = &RegionReplicas> {
        let count = usize::try_from(self.partition_count).unwrap_or(usize::MAX);
        self.partitions.iter().take(count)
    }

    /// The replicas of a partition that serve reads, or none if there is no such partition.
    #[must_use]
    pub fn read_replicas(&self, partition: Partition) -> Option<&RegionReplicas> {
        self.partitions.get(usize::from(partition.0))
    }

    /// The replicas of a partition that must receive writes: those that serve,
    /// and during a change also those that will.
    #[must_use]
    pub fn write_replicas(&self, partition: Partition) -> Option<&RegionReplicas> {
        let partitions = self.next.as_ref().map_or(&self.partitions, |next| &next.writes);
        partitions.get(usize::from(partition.0))
    }

    /// The sets of replicas in each of which a quorum counts: those that serve,
    /// and during a change also those that will (a joint quorum, as in Raft's
    /// joint consensus).
    pub fn quorum_sets(&self, partition: Partition) -> impl Iterator<Item = &RegionReplicas> {
        let next = self.next.as_ref().and_then(|next| next.partitions.get(usize::from(partition.0)));
        self.read_replicas(partition).into_iter().chain(next)
    }

    /// The newest layout that is known: the next one, or this if no change is under way.
    #[must_use]
    pub fn newest_version(&self) -> u64 {
        self.next.as_ref().map_or(self.version, |next| next.version)
    }

    /// Begins a change: `next` takes over once all nodes have synced that must.
    #[must_use]
    pub fn toward(mut self, next: Self) -> Self {
        let pairs = || self.partitions.iter().zip(&next.partitions);
        let unsynced = pairs().flat_map(|(current, next)| transition::must_sync(current, next)).collect();
        let writes = pairs().map(|(current, next)| transition::union(current, next)).collect();
        self.next = Some(NextLayout { version: next.version, partitions: next.partitions, unsynced, writes });
        self
    }

    /// Takes nodes that are fenced out of the replicas that serve.
    pub fn fence(&mut self, fenced: impl Fn(ReplicaId) -> bool) {
        for replicas in self.partitions.iter_mut().flat_map(BTreeMap::values_mut) {
            replicas.retain(|replica| !fenced(*replica));
        }
        for regions in &mut self.partitions {
            regions.retain(|_, replicas| !replicas.is_empty());
        }
    }

    /// The partitions that a node must sync before the next layout takes over,
    /// each with the groups of replicas it may sync from: a majority of one group
    /// is enough. Empty unless a change is under way that the node takes part in.
    #[must_use]
    pub fn to_sync(&self, node: ReplicaId, region: &str) -> BTreeMap<Partition, Vec<Vec<ReplicaId>>> {
        let next = self.next.iter().filter(|next| next.unsynced.contains(&node));
        let partitions = next.flat_map(|next| self.partitions.iter().zip(&next.partitions));
        let numbered = (0..=u16::MAX).map(Partition).zip(partitions);
        let own =
            numbered.filter(|(_, (current, next))| transition::must_sync(current, next).contains(&node));
        own.map(|(partition, (current, _))| (partition, transition::sources(current, region))).collect()
    }
}
