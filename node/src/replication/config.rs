//! What an operator may set.

use serde::Deserialize;

/// Settings of replication. Every limit is per peer unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplicationConfig {
    /// Bytes of entries waiting for a peer or sent and not yet confirmed. A peer
    /// that needs more is fed from the log until it has caught up.
    pub buffer_bytes_max: usize,
    /// Bytes of entries sent and not yet confirmed: the flow-control window.
    pub in_flight_bytes_max: usize,
    /// Bytes of one batch before compression. Must exceed the largest fragment.
    pub batch_bytes_max: usize,
    /// Entries in one batch.
    pub batch_entries_max: usize,
    /// Batches to other regions are compressed from this size on, in bytes.
    pub compress_bytes_min: usize,
    /// How often vectors are compared with a few random peers.
    pub gossip_interval_ms: u64,
    /// With how many.
    pub gossip_fanout: usize,
    /// How long an origin's writes must have stood still at a peer before gossip
    /// sends it what it lacks: until then they are probably on their way.
    pub gossip_stall_ms: u64,
    /// How often a heartbeat is sent on each link.
    pub heartbeat_ms: u64,
    /// A link without any message for this many heartbeats is closed.
    pub heartbeat_misses_max: u32,
    /// How long connecting and the first answer may take.
    pub connect_timeout_ms: u64,
    /// The first wait before dialling again.
    pub reconnect_ms_min: u64,
    /// The longest wait before dialling again.
    pub reconnect_ms_max: u64,
    /// How long one fetch of full states may take.
    pub fetch_timeout_ms: u64,
    /// A transfer of a partition that makes no progress for this long is given up.
    pub transfer_stall_ms: u64,
    /// Bytes of records in one chunk of a transfer or one answer of a fetch.
    pub transfer_chunk_bytes_max: usize,
    /// Transfers that this node receives at the same time, from all peers together.
    pub transfers_max: usize,
    /// Bytes of client calls passed on to one node and not yet answered.
    pub forward_bytes_max: usize,
}

impl Default for ReplicationConfig {
    fn default() -> Self {
        Self {
            buffer_bytes_max: 16 << 20,
            in_flight_bytes_max: 4 << 20,
            batch_bytes_max: 1 << 20,
            batch_entries_max: 16_384,
            compress_bytes_min: 512,
            gossip_interval_ms: 500,
            gossip_fanout: 2,
            gossip_stall_ms: 1_000,
            heartbeat_ms: 500,
            heartbeat_misses_max: 6,
            connect_timeout_ms: 3_000,
            reconnect_ms_min: 100,
            reconnect_ms_max: 3_000,
            fetch_timeout_ms: 2_000,
            transfer_stall_ms: 10_000,
            transfer_chunk_bytes_max: 256 << 10,
            transfers_max: 4,
            forward_bytes_max: 16 << 20,
        }
    }
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("replication.{field} is {actual}; allowed is {allowed}")]
pub struct ReplicationConfigError {
    /// The setting's name.
    pub field: &'static str,
    /// As configured.
    pub actual: u64,
    /// What would be accepted.
    pub allowed: String,
}

impl ReplicationConfig {
    /// Refuses settings that cannot work.
    pub fn validate(&self) -> Result<(), ReplicationConfigError> {
        let millis = [
            ("gossip_interval_ms", self.gossip_interval_ms),
            ("gossip_stall_ms", self.gossip_stall_ms),
            ("heartbeat_ms", self.heartbeat_ms),
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("reconnect_ms_min", self.reconnect_ms_min),
            ("fetch_timeout_ms", self.fetch_timeout_ms),
            ("transfer_stall_ms", self.transfer_stall_ms),
        ];
        for (field, actual) in millis {
            within(field, actual, 10, 600_000)?;
        }
        within("reconnect_ms_max", self.reconnect_ms_max, self.reconnect_ms_min, 600_000)?;
        within("heartbeat_misses_max", self.heartbeat_misses_max.into(), 2, 1_000)?;
        within("batch_entries_max", self.batch_entries_max as u64, 1, 1 << 20)?;
        within("gossip_fanout", self.gossip_fanout as u64, 1, 64)?;
        within("transfers_max", self.transfers_max as u64, 1, 256)?;
        within("batch_bytes_max", self.batch_bytes_max as u64, 64 << 10, 16 << 20)?;
        within("transfer_chunk_bytes_max", self.transfer_chunk_bytes_max as u64, 4 << 10, 2 << 20)?;
        within("forward_bytes_max", self.forward_bytes_max as u64, 64 << 10, 1 << 30)?;
        let batch = self.batch_bytes_max as u64;
        within("in_flight_bytes_max", self.in_flight_bytes_max as u64, batch, 1 << 30)?;
        within("buffer_bytes_max", self.buffer_bytes_max as u64, self.in_flight_bytes_max as u64, 1 << 32)
    }
}

fn within(field: &'static str, actual: u64, min: u64, max: u64) -> Result<(), ReplicationConfigError> {
    if (min..=max).contains(&actual) {
        return Ok(());
    }
    Err(ReplicationConfigError { field, actual, allowed: format!("{min} to {max}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid() {
        assert_eq!(ReplicationConfig::default().validate(), Ok(()));
    }

    #[test]
    fn a_refusal_names_the_field_and_what_is_allowed() {
        let config = ReplicationConfig { heartbeat_ms: 1, ..ReplicationConfig::default() };
        let refused = config.validate().unwrap_err().to_string();
        assert_eq!(refused, "replication.heartbeat_ms is 1; allowed is 10 to 600000");
    }
}
