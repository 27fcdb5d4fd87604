//! PURE. What a batch that went through the engine means to the core.

use std::collections::BTreeSet;

use super::batch::DecodedBatch;
use super::core::Event;
use super::seam::AppliedBatch;
use crate::session::{Dot, Origin, Partition, ReplicaId};

/// A batch on its way through the engine: what must be known of it afterwards.
#[derive(Debug)]
pub struct Taking {
    entries: u64,
    relay: bool,
    /// Entries whose origin asked for confirmation.
    asked: BTreeSet<(Partition, Origin, u64)>,
}

impl Taking {
    /// Before the batch goes to the engine.
    #[must_use]
    pub fn new(batch: &DecodedBatch, partition_count: u32) -> Self {
        let asked = batch.entries.iter().filter(|entry| entry.ack);
        let dot =
            |entry: &crate::engine::LogEntry| (entry.key.partition(partition_count), entry.origin, entry.seq);
        Self { entries: batch.entries.len() as u64, relay: batch.relay, asked: asked.map(dot).collect() }
    }

    /// After the engine has taken it: what to tell the core, and what to confirm
    /// once it is synced.
    #[must_use]
    pub fn done(self, from: ReplicaId, link: u64, applied: AppliedBatch) -> (Event, Vec<(Partition, Dot)>) {
        let is_asked =
            |(partition, dot): &(Partition, Dot)| self.asked.contains(&(*partition, dot.origin, dot.seq));
        let asked = applied.present.into_iter().filter(is_asked).collect();
        let pass_on = if self.relay { applied.new } else { Vec::new() };
        (Event::EntriesApplied { from, link, taken: self.entries, pass_on }, asked)
    }
}
