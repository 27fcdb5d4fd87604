//! What a node is told about itself and about the pace of Raft.

use serde::{Deserialize, Serialize};

use super::MembershipError;

/// A node's place in its cluster, as its operator configured it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalNode {
    /// The cluster it belongs to.
    pub cluster_id: String,
    /// Its name, unique in the cluster; the one in its certificate.
    pub name: String,
    /// Its region; the one in its certificate.
    pub region: String,
    /// `host:port` where nodes and clients reach it.
    pub advertise: String,
    /// Its share of partitions relative to other nodes of its region, 1 to 1000.
    pub weight: u32,
    /// Found a new cluster if the disk is empty; true on exactly one node.
    pub bootstrap: bool,
    /// `host:port` of nodes to join through.
    pub seeds: Vec<String>,
}

/// The largest weight of a node.
pub const WEIGHT_MAX: u32 = 1000;

/// Tuning of the membership, and the layout of a new cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MembershipConfig {
    /// The leader's heartbeat, and the deadline of each Raft call. Must exceed
    /// the longest round trip between regions. 500 by default.
    pub heartbeat_ms: u64,
    /// The shortest election time-out; more than the heartbeat. 1500 by default.
    pub election_timeout_ms_min: u64,
    /// The longest election time-out; more than the shortest. 3000 by default.
    pub election_timeout_ms_max: u64,
    /// Most voters: 1, 3, 5 (default) or 7. All other nodes are learners.
    pub voters_max: u32,
    /// How long a start waits to be let into its cluster. 60 000 by default.
    pub join_timeout_ms: u64,
    /// How long a change may take to be committed. 10 000 by default.
    pub propose_timeout_ms: u64,
    /// The deadline of one call to another node. 3000 by default.
    pub call_timeout_ms: u64,
    /// The longest pause between attempts to join or to propose. 1000 by default.
    pub retry_pause_ms_max: u64,
    /// How often the leader looks for something to put right. 1000 by default.
    pub reconcile_interval_ms: u64,
    /// Raft log entries between two snapshots. 64 by default.
    pub snapshot_entries: u64,
    /// Largest message between nodes, in bytes. 4 MiB by default.
    pub message_bytes_max: usize,
    /// Partitions of a new cluster: a power of two from 1 to 65 536, 256 by
    /// default. Later changes of this value have no effect.
    pub partition_count: u32,
    /// Replicas of a partition in each region of a new cluster: 1 to 7, 3 by
    /// default. Later changes of this value have no effect.
    pub replicas_per_region: u32,
}

impl Default for MembershipConfig {
    fn default() -> Self {
        Self {
            heartbeat_ms: 500,
            election_timeout_ms_min: 1500,
            election_timeout_ms_max: 3000,
            voters_max: 5,
            join_timeout_ms: 60_000,
            propose_timeout_ms: 10_000,
            call_timeout_ms: 3000,
            retry_pause_ms_max: 1000,
            reconcile_interval_ms: 1000,
            snapshot_entries: 64,
            message_bytes_max: 4 << 20,
            partition_count: 256,
            replicas_per_region: 3,
        }
    }
}

impl MembershipConfig {
    /// Checks each value and how they fit together.
    ///
    /// # Errors
    /// Names the setting that is wrong and what is allowed.
    pub fn validate(&self) -> Result<(), MembershipError> {
        let positive = [
            ("heartbeat_ms", self.heartbeat_ms),
            ("join_timeout_ms", self.join_timeout_ms),
            ("propose_timeout_ms", self.propose_timeout_ms),
            ("call_timeout_ms", self.call_timeout_ms),
            ("retry_pause_ms_max", self.retry_pause_ms_max),
            ("reconcile_interval_ms", self.reconcile_interval_ms),
            ("snapshot_entries", self.snapshot_entries),
        ];
        for (setting, value) in positive {
            require(value > 0, setting, "must be at least 1")?;
        }
        require(
            self.election_timeout_ms_min > self.heartbeat_ms,
            "election_timeout_ms_min",
            "must be more than heartbeat_ms",
        )?;
        require(
            self.election_timeout_ms_max > self.election_timeout_ms_min,
            "election_timeout_ms_max",
            "must be more than election_timeout_ms_min",
        )?;
        require(matches!(self.voters_max, 1 | 3 | 5 | 7), "voters_max", "must be 1, 3, 5 or 7")?;
        require(self.message_bytes_max >= 64 << 10, "message_bytes_max", "must be at least 65536")?;
        require(
            self.partition_count.is_power_of_two() && self.partition_count <= 1 << 15,
            "partition_count",
            "must be a power of two from 1 to 32768",
        )?;
        require((1..=7).contains(&self.replicas_per_region), "replicas_per_region", "must be 1 to 7")
    }
}

impl LocalNode {
    /// Checks each value.
    ///
    /// # Errors
    /// Names the setting that is wrong and what is allowed.
    pub fn validate(&self) -> Result<(), MembershipError> {
        require(!self.cluster_id.is_empty(), "cluster_id", "must not be empty")?;
        require(!self.name.is_empty(), "name", "must not be empty")?;
        require(!self.region.is_empty(), "region", "must not be empty")?;
        require(self.advertise.contains(':'), "advertise", "must be host:port")?;
        require((1..=WEIGHT_MAX).contains(&self.weight), "weight", "must be 1 to 1000")
    }
}

fn require(holds: bool, setting: &'static str, rule: &'static str) -> Result<(), MembershipError> {
    if holds { Ok(()) } else { Err(MembershipError::Configuration { setting, rule }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_nonsense_is_named() {
        MembershipConfig::default().validate().unwrap();
        let wrong = [
            MembershipConfig { heartbeat_ms: 0, ..MembershipConfig::default() },
            MembershipConfig { election_timeout_ms_min: 500, ..MembershipConfig::default() },
            MembershipConfig { election_timeout_ms_max: 1500, ..MembershipConfig::default() },
            MembershipConfig { voters_max: 4, ..MembershipConfig::default() },
            MembershipConfig { partition_count: 100, ..MembershipConfig::default() },
            MembershipConfig { replicas_per_region: 0, ..MembershipConfig::default() },
        ];
        for config in wrong {
            assert!(matches!(config.validate(), Err(MembershipError::Configuration { .. })), "{config:?}");
        }
    }
}
