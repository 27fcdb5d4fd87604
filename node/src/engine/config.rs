//! The engine's limits.

use serde::{Deserialize, Serialize};

use crate::session::Partition;
use crate::session::limits::SessionLimits;

use super::error::EngineError;

/// Limits of the engine; [`EngineConfig::default`] gives the documented defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// Partitions of sessions: a power of two, at most 32 768, fixed for the cluster's life. Default 256.
    #[serde(skip)]
    pub partition_count: u32,
    /// What a session may hold.
    #[serde(skip)]
    pub limits: SessionLimits,
    /// What a record of the global partition may hold.
    #[serde(skip)]
    pub global_limits: SessionLimits,
    /// Memory for cached records, in bytes. Records not yet checkpointed count but cannot be dropped. Default 256 MiB.
    pub cache_bytes_max: usize,
    /// Records that wait for their checkpoint, in bytes; beyond, writes wait. Default 64 MiB.
    pub dirty_bytes_max: usize,
    /// How often changed records are written behind, in milliseconds. Default 5 000.
    pub checkpoint_interval_ms: u64,
    /// The longest that a `BUFFERED` write stays unsynced, in milliseconds. Default 100.
    pub sync_interval_ms: u64,
    /// A log block is closed at this size, in bytes. Default 64 KiB.
    pub block_bytes_max: usize,
    /// Log entries that wait for the disk, in bytes; beyond, writes wait. Default 32 MiB.
    pub log_pending_bytes_max: usize,
    /// Newest log blocks kept decoded for peers that lag a little, in bytes. Default 32 MiB.
    pub log_memory_bytes_max: usize,
    /// The log on disk, in bytes; older blocks are dropped once checkpointed. Default 256 MiB.
    pub log_disk_bytes_max: u64,
    /// Memory of the commit feed, in bytes. Default 16 MiB.
    pub feed_bytes_max: usize,
    /// Memory for how sessions were before they ended, for the change feed, in bytes. Default 16 MiB.
    pub final_bytes_max: usize,
    /// Idempotency keys remembered for a partition. Default 1 024.
    pub idempotency_items_max: usize,
    /// How long an idempotency key is remembered, in milliseconds. Default 120 000.
    pub idempotency_window_ms: u64,
    /// How far ahead of the local wall clock a remote stamp may be, in milliseconds. Default 500.
    pub clock_offset_max_ms: u64,
    /// Memory for remote entries held back until their stamp is due, in bytes. Default 4 MiB.
    pub held_bytes_max: usize,
    /// How long after its absolute deadline a record is kept, and after its idle deadline its
    /// content, in milliseconds, beyond `clock_offset_max_ms`. Default 60 000.
    pub removal_margin_ms: u64,
    /// Time in which every record is looked at once: whether it may go, or has lain idle, in
    /// milliseconds. Default 600 000.
    pub sweep_interval_ms: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            partition_count: 256,
            limits: SessionLimits::default(),
            global_limits: SessionLimits::global(),
            cache_bytes_max: 256 * MIB,
            dirty_bytes_max: 64 * MIB,
            checkpoint_interval_ms: 5_000,
            sync_interval_ms: 100,
            block_bytes_max: 64 * 1024,
            log_pending_bytes_max: 32 * MIB,
            log_memory_bytes_max: 32 * MIB,
            log_disk_bytes_max: 256 * MIB as u64,
            feed_bytes_max: 16 * MIB,
            final_bytes_max: 16 * MIB,
            idempotency_items_max: 1_024,
            idempotency_window_ms: 120_000,
            clock_offset_max_ms: 500,
            held_bytes_max: 4 * MIB,
            removal_margin_ms: 60_000,
            sweep_interval_ms: 600_000,
        }
    }
}

impl EngineConfig {
    /// All partitions: those of sessions, and the global one.
    pub fn partitions(&self) -> impl Iterator<Item = Partition> + use<> {
        (0..=self.partition_count).map_while(|number| u16::try_from(number).ok().map(Partition))
    }

    /// What a record of a partition may hold.
    #[must_use]
    pub fn limits_of(&self, partition: Partition) -> &SessionLimits {
        if partition == Partition::global(self.partition_count) { &self.global_limits } else { &self.limits }
    }

    /// Refuses what cannot work.
    ///
    /// # Errors
    /// [`StepError::InvalidArgument`](super::StepError::InvalidArgument) names the setting and what is allowed.
    pub fn validate(&self) -> Result<(), EngineError> {
        let invalid = |field: &'static str, allowed: &str| Err(EngineError::invalid(field, allowed));
        if let Err(error) = self.limits.validate() {
            return invalid("session limits:", &error.to_string());
        }
        if !self.partition_count.is_power_of_two() || self.partition_count > 32_768 {
            return invalid("partition_count", "must be a power of two from 1 to 32768");
        }
        let intervals = [
            ("checkpoint_interval_ms", self.checkpoint_interval_ms),
            ("sync_interval_ms", self.sync_interval_ms),
            ("sweep_interval_ms", self.sweep_interval_ms),
        ];
        for (field, interval_ms) in intervals {
            if !(1..=86_400_000).contains(&interval_ms) {
                return invalid(field, "must be from 1 to 86400000 milliseconds");
            }
        }
        if !(1_024..=16 * 1024 * 1024).contains(&self.block_bytes_max) {
            return invalid("block_bytes_max", "must be from 1 KiB to 16 MiB");
        }
        if self.log_pending_bytes_max < self.block_bytes_max {
            return invalid("log_pending_bytes_max", "must be at least block_bytes_max");
        }
        if self.log_disk_bytes_max < 4 * self.block_bytes_max as u64 {
            return invalid("log_disk_bytes_max", "must be at least four blocks of block_bytes_max");
        }
        if self.dirty_bytes_max == 0 {
            return invalid("dirty_bytes_max", "must be positive");
        }
        Ok(())
    }
}
