//! Entries on their way: at once, one copy a remote region.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::link::{Link, Outbound};
use super::topology::rendezvous;
use super::{CloseReason, Context, Core, Effect, Message};
use crate::engine::LogEntry;
use crate::session::{Partition, ReplicaId};

impl Core {
    /// This node wrote: to its region's other replicas and one relay a remote region.
    pub(super) fn push_own(&mut self, entries: Vec<Arc<LogEntry>>, context: &mut Context<'_>) {
        let mut touched = BTreeSet::new();
        for entry in entries {
            let partition = entry.key.partition(self.topology.partition_count());
            for (to, relay) in self.destinations(partition, entry.origin.replica) {
                self.enqueue(to, partition, &entry, relay, context);
                touched.insert(to);
            }
        }
        self.flush_all(touched, context);
    }

    fn destinations(&self, partition: Partition, origin: ReplicaId) -> Vec<(ReplicaId, bool)> {
        let Some(regions) = self.topology.replicas(partition) else { return Vec::new() };
        let mut destinations: Vec<(ReplicaId, bool)> =
            self.topology.neighbours(partition).map(|neighbour| (neighbour, false)).collect();
        for (region, replicas) in regions {
            if region != self.topology.region()
                && let Some(relay) = self.relay(partition, origin, replicas)
            {
                destinations.push((relay, replicas.len() > 1));
            }
        }
        destinations
    }

    /// The connected replica of a region that takes an origin's entries; one that
    /// lags only if there is no other.
    pub(super) fn relay(
        &self,
        partition: Partition,
        origin: ReplicaId,
        replicas: &[ReplicaId],
    ) -> Option<ReplicaId> {
        let link = |replica: &ReplicaId| self.peers.get(replica).and_then(|peer| peer.link.as_ref());
        let keeps_up = |replica: &ReplicaId| link(replica).is_some_and(|link| link.lagging_since.is_none());
        rendezvous(partition, origin, replicas.iter().copied().filter(keeps_up)).or_else(|| {
            rendezvous(partition, origin, replicas.iter().copied().filter(|replica| link(replica).is_some()))
        })
    }

    fn enqueue(
        &mut self,
        to: ReplicaId,
        partition: Partition,
        entry: &Arc<LogEntry>,
        relay: bool,
        context: &Context<'_>,
    ) {
        let Some(peer) = self.peers.get_mut(&to) else { return };
        if peer.covers(partition, entry.origin, entry.seq) {
            return;
        }
        if let Some(link) = &mut peer.link {
            let outbound = Outbound { entry: entry.clone(), relay, since: context.now };
            link.enqueue(partition, outbound, self.config.buffer_bytes_max);
        }
    }

    fn flush_all(&mut self, peers: BTreeSet<ReplicaId>, context: &mut Context<'_>) {
        for peer in peers {
            self.flush(peer, context);
        }
    }

    /// Sends what the window allows: first what waits, then what the log has to feed.
    pub(super) fn flush(&mut self, to: ReplicaId, context: &mut Context<'_>) {
        let config = &self.config;
        let Some(link) = self.peers.get_mut(&to).and_then(|peer| peer.link.as_mut()) else { return };
        while let Some((entries, relay)) =
            link.take_batch(config.in_flight_bytes_max, config.batch_bytes_max, config.batch_entries_max)
        {
            context.effects.push(Effect::SendEntries { to, entries, relay });
        }
        self.read_log(to, context);
    }

    /// A batch of so many entries was taken from the link, whatever became of them.
    pub(super) fn batch_taken(&mut self, from: ReplicaId, id: u64, entries: u64, context: &mut Context<'_>) {
        let Some(link) = self.link(from, id) else { return };
        link.last_heard = context.now;
        link.taken += entries;
        let entries = link.taken;
        context.send(from, Message::BatchAck { entries });
    }

    /// To the region's other replicas, this node being the relay.
    pub(super) fn pass_on(
        &mut self,
        from: ReplicaId,
        entries: Vec<Arc<LogEntry>>,
        context: &mut Context<'_>,
    ) {
        let mut touched = BTreeSet::new();
        for entry in entries {
            let partition = entry.key.partition(self.topology.partition_count());
            let neighbours: Vec<ReplicaId> = self.topology.neighbours(partition).collect();
            for to in neighbours.into_iter().filter(|to| *to != from && *to != entry.origin.replica) {
                self.enqueue(to, partition, &entry, false, context);
                touched.insert(to);
            }
        }
        self.flush_all(touched, context);
    }

    /// The peer has taken entries: they need not be sent again, and the window opens.
    pub(super) fn batch_ack(&mut self, from: ReplicaId, entries: u64, context: &mut Context<'_>) {
        let count = self.topology.partition_count();
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(link) = &mut peer.link else { return };
        let Some(confirmed) = link.confirm(entries) else {
            context.effects.push(Effect::Close { peer: from, reason: CloseReason::Protocol });
            return;
        };
        for outbound in confirmed {
            let entry = outbound.entry;
            let vector = peer.known.entry(entry.key.partition(count)).or_default();
            if vector.get(&entry.origin) + 1 == entry.seq {
                vector.dots.insert(entry.origin, entry.seq);
            }
        }
        self.flush(from, context);
    }

    /// A relay is gone: what it had not confirmed goes through another one. Its
    /// own gap is closed when it is back and vectors are compared.
    pub(super) fn reroute(&mut self, gone: ReplicaId, link: Link, context: &mut Context<'_>) {
        let mut touched = BTreeSet::new();
        for outbound in link.into_unconfirmed().filter(|outbound| outbound.relay) {
            let entry = outbound.entry;
            let partition = entry.key.partition(self.topology.partition_count());
            let region = self.topology.region_of(gone);
            let replicas = region.and_then(|region| self.topology.replicas(partition)?.get(region));
            let other = replicas.and_then(|replicas| self.relay(partition, entry.origin.replica, replicas));
            if let Some(to) = other {
                self.enqueue(to, partition, &entry, true, context);
                touched.insert(to);
            }
        }
        self.flush_all(touched, context);
    }
}
