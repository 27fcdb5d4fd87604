//! The cluster that a run starts with.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A node by its place in the plan: the shape's nodes first, region by region, then
/// those that faults add. Not the replica id, which the cluster allots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u16);

/// A session by its place in the plan; the product never sees this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.0)
    }
}

/// One region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionShape {
    /// Its name.
    pub name: String,
    /// Its nodes at the start.
    pub nodes: u16,
}

/// The one-way delay of a link, drawn evenly for each message, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The shortest.
    pub us_min: u64,
    /// The longest.
    pub us_max: u64,
}

/// The cluster and its settings. What is not named here has the product's default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The regions.
    pub regions: Vec<RegionShape>,
    /// Replicas of a partition in each region.
    pub replicas_per_region: u32,
    /// A power of two.
    pub partition_count: u32,
    /// Between nodes of one region, and from a client to its region's nodes.
    pub lan: Latency,
    /// Between regions.
    pub wan: Latency,
    /// Sessions that operations name.
    pub sessions: u32,
    /// Clients; client `c` lives in region `c % regions`.
    pub clients: u16,
    /// How long a session may lie idle, in milliseconds.
    pub idle_timeout_ms: u64,
    /// How long a session may live, in milliseconds.
    pub absolute_timeout_ms: u64,
    /// How far each node's wall clock is off from true time, in milliseconds; at
    /// most half of `clock_offset_ms_max` either way. One a node of the start; others have 0.
    pub clock_offsets_ms: Vec<i64>,
    /// The permitted clock offset (`σ`), in milliseconds.
    pub clock_offset_ms_max: u64,
    /// `engine.sync_interval_ms`.
    pub sync_interval_ms: u64,
    /// `engine.checkpoint_interval_ms`.
    pub checkpoint_interval_ms: u64,
    /// `engine.sweep_interval_ms`.
    pub sweep_interval_ms: u64,
    /// `engine.removal_margin_ms`.
    pub removal_margin_ms: u64,
    /// `engine.log_disk_bytes_max`: how long an outage the log outlasts.
    pub log_disk_bytes_max: u64,
    /// `engine.block_bytes_max`.
    pub block_bytes_max: usize,
    /// `engine.cache_bytes_max`: small values make reads go to the disk.
    pub cache_bytes_max: usize,
    /// `replication.buffer_bytes_max`.
    pub buffer_bytes_max: usize,
    /// How long one sync of a healthy disk takes, in microseconds.
    pub sync_us: Latency,
    /// `membership.snapshot_entries`, if another than by default: small values cut Raft's log short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_entries: Option<u64>,
    /// `replication.transfer_chunk_bytes_max`, if another than by default: small values make transfers take long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_chunk_bytes_max: Option<usize>,
}

impl Shape {
    /// Nodes at the start.
    #[must_use]
    pub fn nodes(&self) -> u16 {
        self.regions.iter().map(|region| region.nodes).sum()
    }

    /// The nodes at the start with the index of their region.
    pub fn placed(&self) -> impl Iterator<Item = (NodeId, usize)> {
        let regions = self.regions.iter().enumerate();
        regions
            .flat_map(|(index, region)| (0..region.nodes).map(move |_| index))
            .zip(0..)
            .map(|(region, number)| (NodeId(number), region))
    }

    /// The index of a client's region.
    #[must_use]
    pub fn region_of_client(&self, client: u16) -> usize {
        usize::from(client) % self.regions.len().max(1)
    }
}
