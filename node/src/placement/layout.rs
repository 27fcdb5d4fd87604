//! A layout: the replicas of each partition in each region.

use std::collections::BTreeMap;

use crate::session::{Partition, ReplicaId};

/// A node as placement sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Grows with each change.
    pub version: u64,
    /// A power of two.
    pub partition_count: u32,
    /// Replicas of a partition in each region, at most.
    pub replicas_per_region: u32,
    /// Entry `i` is partition `i`.
    pub partitions: Vec<RegionReplicas>,
}

impl Layout {
    /// The replicas of a partition, or none if there is no such partition.
    #[must_use]
    pub fn replicas(&self, partition: Partition) -> Option<&RegionReplicas> {
        self.partitions.get(usize::from(partition.0))
    }
}
