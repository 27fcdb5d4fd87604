//! Comparing version vectors, so that what push lost arrives all the same.
//!
//! Every tick a hash over the shared vectors, and one over the digests, goes to a few random peers; where it
//! differs, the vectors follow in both directions. Each side then sends what the
//! other lacks, whoever wrote it, but
//! - on a fresh link at once: to a peer of the same region all of it; to one of
//!   another region only what this node is responsible for and the peer relays,
//!   so that a healed cut carries one copy a region;
//! - later only where the peer has stood still for `gossip_stall_ms`: what moves
//!   is on its way already and must not be sent twice.

use std::time::Duration;

use super::topology::rendezvous;
use super::{Context, Core, Hashes, Held, Message, Stall};
use crate::env::Rng;
use crate::replication::vectors::{self, PartitionVectors};
use crate::session::{Origin, Partition, ReplicaId};

impl Core {
    /// Starts an exchange with a few random peers.
    pub(super) fn gossip(&mut self, context: &mut Context<'_>) {
        let interval_ms = self.config.gossip_interval_ms;
        // Up to a quarter early or late, so that nodes do not fall into step.
        let next_ms = interval_ms - interval_ms / 4 + context.rng.random_range(0..=interval_ms / 2);
        self.next_gossip = context.now + Duration::from_millis(next_ms);
        let mut candidates: Vec<ReplicaId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.link.is_some() && !peer.shared.is_empty())
            .map(|(id, _)| *id)
            .collect();
        for _ in 0..self.config.gossip_fanout.min(candidates.len()) {
            let chosen = candidates.swap_remove(context.rng.random_range(0..candidates.len()));
            let vectors = vectors::hash(&self.shared_vectors(chosen, context.held));
            let digests = self.digests_hash(chosen, context.held);
            let differed = self.differs_from(chosen);
            context.send(chosen, Message::Hashes(Hashes { vectors, digests, differed }));
        }
        self.hand_over(context);
    }

    /// Sends this node's vectors and treats the peer's next ones like those of a fresh link.
    pub(super) fn compare_vectors(&mut self, peer: ReplicaId, reply_wanted: bool, context: &mut Context<'_>) {
        let vectors = self.shared_vectors(peer, context.held);
        let Some(link) = self.peers.get_mut(&peer).and_then(|peer| peer.link.as_mut()) else { return };
        link.compared = false;
        context.send(peer, Message::Vectors { vectors, reply_wanted });
    }

    /// See [`Core::compare_vectors`], for every peer.
    pub(super) fn compare_with_all(&mut self, context: &mut Context<'_>) {
        let peers: Vec<ReplicaId> = self.peers.keys().copied().collect();
        for peer in peers {
            self.compare_vectors(peer, true, context);
        }
    }

    fn shared_vectors(&self, peer: ReplicaId, held: &dyn Held) -> PartitionVectors {
        let shared = self.peers.get(&peer).map_or(&[][..], |peer| &peer.shared);
        shared.iter().map(|partition| (*partition, held.vector(*partition))).collect()
    }

    /// A peer begins an exchange.
    pub(super) fn hashes(&mut self, from: ReplicaId, theirs: Hashes, context: &mut Context<'_>) {
        let vectors = self.shared_vectors(from, context.held);
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if vectors::hash(&vectors) == theirs.vectors || planted!(GossipTrustsAnyHash) {
            peer.said.clone_from(&vectors);
            peer.known = vectors;
            peer.stalls.clear();
            self.compare_digests(from, theirs, context);
        } else {
            context.send(from, Message::Vectors { vectors, reply_wanted: true });
        }
    }

    /// A peer says what it holds.
    pub(super) fn vectors(
        &mut self,
        from: ReplicaId,
        theirs: PartitionVectors,
        reply_wanted: bool,
        context: &mut Context<'_>,
    ) {
        if reply_wanted {
            let mut vectors = self.shared_vectors(from, context.held);
            vectors.extend(self.handed_over(&theirs, context.held));
            context.send(from, Message::Vectors { vectors, reply_wanted: false });
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(link) = &mut peer.link else { return };
        let fresh = !std::mem::replace(&mut link.compared, true);
        for (partition, vector) in theirs {
            if !self.topology.holds(from, partition) {
                continue;
            }
            for (origin, until) in context.held.vector(partition).dots {
                let seq = vector.get(&origin);
                if self.is_due(from, (partition, origin), seq, until, fresh, context.now) {
                    self.feed_range(from, (partition, origin), seq, until);
                }
            }
            if let Some(peer) = self.peers.get_mut(&from) {
                peer.said.insert(partition, vector.clone());
                peer.known.insert(partition, vector);
            }
        }
        self.flush(from, context);
    }

    /// Whether to send a peer what it lacks of an origin now.
    fn is_due(
        &mut self,
        to: ReplicaId,
        key: (Partition, Origin),
        seq: u64,
        until: u64,
        fresh: bool,
        now: Duration,
    ) -> bool {
        let at_once = fresh && self.sends_at_once(to, key);
        let Some(peer) = self.peers.get_mut(&to) else { return false };
        if seq >= until {
            peer.stalls.remove(&key);
            return false;
        }
        let stall = peer.stalls.entry(key).or_insert(Stall { seq, since: now });
        if stall.seq != seq {
            *stall = Stall { seq, since: now };
        }
        let stalled = now.saturating_sub(stall.since) >= Duration::from_millis(self.config.gossip_stall_ms);
        if stalled {
            stall.since = now;
        }
        at_once || stalled
    }

    fn sends_at_once(&self, to: ReplicaId, (partition, origin): (Partition, Origin)) -> bool {
        let (here, there) = (self.topology.region(), self.topology.region_of(to));
        let Some(there) = there.filter(|there| *there != here) else { return true };
        let regions = self.topology.replicas(partition);
        let relays = regions.and_then(|regions| regions.get(there)).is_some_and(|replicas| {
            self.relay(partition, origin.replica, replicas) == Some(to)
                && !replicas.iter().any(|other| *other != to && self.is_fed(*other, (partition, origin)))
        });
        relays && self.is_responsible(partition, origin)
    }

    fn is_fed(&self, peer: ReplicaId, key: (Partition, Origin)) -> bool {
        let link = self.peers.get(&peer).and_then(|peer| peer.link.as_ref());
        link.is_some_and(|link| link.catch_up.contains_key(&key))
    }

    /// Writes are sent by the node that made them, or while that cannot be
    /// reached by one of its region.
    fn is_responsible(&self, partition: Partition, origin: Origin) -> bool {
        let me = self.topology.me().replica;
        if origin.replica == me {
            return true;
        }
        if self.topology.region_of(origin.replica) != Some(self.topology.region())
            || self.is_connected(origin.replica)
        {
            return false;
        }
        let connected = self.topology.neighbours(partition).filter(|replica| self.is_connected(*replica));
        rendezvous(partition, origin.replica, connected.chain([me])) == Some(me)
    }
}
