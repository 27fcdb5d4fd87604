//! Receiving full states when the sender's log no longer reaches back.
//!
//! This is the last of the ways: it costs as much as the partition is big. A
//! repair that costs as much as the difference belongs here, before
//! [`Effect::StartTransfer`]: both sides know by then that the log cannot help, or
//! that their digests differ.

use super::{Context, Core, Effect};
use crate::session::{Dot, Partition, ReplicaId};

impl Core {
    /// A peer cannot feed this node from its log.
    pub(super) fn log_truncated(
        &mut self,
        from: ReplicaId,
        partitions: Vec<Partition>,
        context: &mut Context<'_>,
    ) {
        let me = self.topology.me().replica;
        for partition in partitions {
            if self.topology.holds(me, partition) && !self.transfers.contains_key(&partition) {
                self.transfers_waiting.entry(partition).or_insert(from);
            }
        }
        self.start_transfers(context);
    }

    /// One place is free again. What was written meanwhile comes by comparing
    /// vectors; so does a transfer that failed.
    /// What it brought comes no other way, so it is confirmed to its origins here.
    pub(super) fn transfer_ended(
        &mut self,
        partition: Partition,
        brought: Option<Vec<(Partition, Dot)>>,
        context: &mut Context<'_>,
    ) {
        let complete = brought.is_some();
        self.repaired(partition, context.held);
        if !planted!(TransferIsNotConfirmed) {
            self.confirm_to_origins(brought.unwrap_or_default(), context);
        }
        if let Some(from) = self.transfers.remove(&partition) {
            self.sync_transferred(partition, from, complete);
            if complete {
                self.compare_vectors(from, true, context);
            }
        }
        self.start_transfers(context);
    }

    pub(super) fn start_transfers(&mut self, context: &mut Context<'_>) {
        while self.transfers.len() < self.config.transfers_max {
            let Some((partition, from)) = self.transfers_waiting.pop_first() else { return };
            if self.is_connected(from) {
                self.transfers.insert(partition, from);
                self.sync_transfer_started(partition, from);
                context.effects.push(Effect::StartTransfer { from, partition });
            }
        }
    }
}
