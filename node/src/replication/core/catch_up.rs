//! Feeding a peer from the log, a bounded piece at a time.

use std::sync::Arc;

use super::link::{Outbound, Range, Reading, cost_bytes};
use super::{Context, Core, Effect, LogRead, Message};
use crate::engine::LogEntry;
use crate::session::{Origin, Partition, ReplicaId};

impl Core {
    /// Asks for the next piece if the window has room; at most one read a peer is under way.
    pub(super) fn read_log(&mut self, peer: ReplicaId, context: &mut Context<'_>) {
        let config = &self.config;
        let Some(link) = self.peers.get_mut(&peer).and_then(|peer| peer.link.as_mut()) else { return };
        let Some((&(partition, origin), range)) = link.catch_up.first_key_value() else {
            link.lagging_since = None;
            return;
        };
        let room = config.in_flight_bytes_max.saturating_sub(link.in_flight_bytes);
        // Small pieces would cost more reads than they are worth: wait for confirmations.
        let wanted = config.batch_bytes_max.min(config.in_flight_bytes_max / 2);
        let full = link.buffered_bytes() + wanted > config.buffer_bytes_max;
        if link.reading.is_some() || room < wanted || full {
            return;
        }
        link.reading = Some(Reading { reserved_bytes: wanted, until: range.until });
        let (after, link) = (range.after, link.id);
        context.effects.push(Effect::ReadLog { peer, link, partition, origin, after, bytes_max: wanted });
    }

    /// The log has answered.
    pub(super) fn log_read(
        &mut self,
        peer: ReplicaId,
        id: u64,
        range: (Partition, Origin),
        outcome: LogRead,
        context: &mut Context<'_>,
    ) {
        let Some(link) = self.link(peer, id) else { return };
        let Some(reading) = link.reading.take() else { return };
        match outcome {
            LogRead::Truncated => {
                link.catch_up.retain(|(partition, _), _| *partition != range.0);
                if !planted!(TruncationIsNotTold) {
                    context.send(peer, Message::LogTruncated(vec![range.0]));
                }
            }
            LogRead::Entries(entries) => self.feed(peer, range, reading, entries, context),
        }
        self.flush(peer, context);
    }

    fn feed(
        &mut self,
        to: ReplicaId,
        key: (Partition, Origin),
        reading: Reading,
        entries: Vec<Arc<LogEntry>>,
        context: &mut Context<'_>,
    ) {
        let Some(peer) = self.peers.get_mut(&to) else { return };
        let known = peer.known.get(&key.0).map_or(0, |vector| vector.get(&key.1));
        let Some(link) = &mut peer.link else { return };
        let Some(range) = link.catch_up.get_mut(&key) else { return };
        let relay = range.relay;
        match entries.last() {
            Some(last) => range.after = range.after.max(last.seq),
            // Nothing more in the log, unless it was written after the log was read.
            None if range.until <= reading.until => range.after = range.until,
            None => {}
        }
        if range.after >= range.until {
            link.catch_up.remove(&key);
        }
        let entries: Vec<_> = entries.into_iter().filter(|entry| entry.seq > known).collect();
        for entry in &entries {
            link.sent(Outbound { entry: entry.clone(), relay, since: context.now });
        }
        for batch in batches(entries, self.config.batch_bytes_max, self.config.batch_entries_max) {
            context.effects.push(Effect::SendEntries { to, entries: batch, relay });
        }
    }

    /// What a peer lacks of an origin is to be read from the log.
    pub(super) fn feed_range(&mut self, peer: ReplicaId, key: (Partition, Origin), after: u64, until: u64) {
        let relay = self.relays_for_region(peer, key.0);
        let Some(link) = self.peers.get_mut(&peer).and_then(|peer| peer.link.as_mut()) else { return };
        link.catch_up.entry(key).or_insert(Range { after, until, relay });
    }

    /// The peer is in another region and not its only replica of the partition.
    fn relays_for_region(&self, peer: ReplicaId, partition: Partition) -> bool {
        let Some(region) = self.topology.region_of(peer) else { return false };
        let replicas = self.topology.replicas(partition).and_then(|regions| regions.get(region));
        region != self.topology.region() && replicas.is_some_and(|replicas| replicas.len() > 1)
    }
}

fn batches(entries: Vec<Arc<LogEntry>>, bytes_max: usize, entries_max: usize) -> Vec<Vec<Arc<LogEntry>>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let cost = cost_bytes(&entry);
        if !batch.is_empty() && (bytes + cost > bytes_max || batch.len() >= entries_max) {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += cost;
        batch.push(entry);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}
