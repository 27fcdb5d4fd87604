//! PURE. Decides what goes to whom: (state, event, time, randomness) → effects.
//!
//! - A node's own entries go at once to the other replicas of its region and to
//!   one relay in each other region, which passes them on ([`topology`]).
//! - What waits for a peer is bounded in bytes. Beyond that the entries are
//!   dropped and only their positions remembered; the log feeds the peer until
//!   it has caught up ([`link`]).
//! - Gossip compares version vectors with random peers and sends what they lack,
//!   whoever wrote it ([`gossip`]).
//! - A node that gains partitions says when it holds what their replicas hold
//!   ([`sync`]); one that loses some hands over what only it holds ([`handover`]).
//! - Peers whose vectors agree compare digests, and repair what differs ([`digests`]).
//! - Heartbeats carry what a node holds, so that the others know how old what they know
//!   of it may be ([`staleness`]).
//! - A peer that lacks more than the log holds is told so and asks for a transfer
//!   of the partition's full states (`transfer`).
//!
//! No clock, no task, no I/O, no randomised iteration: the same events give the
//! same effects. Version vectors are the engine's; the core asks through [`Held`].

mod catch_up;
mod clock;
mod confirm;
mod digests;
mod event;
mod gaps;
mod gossip;
mod handover;
mod link;
mod push;
mod report;
mod staleness;
mod sync;
mod topology;
mod transfer;

use std::collections::BTreeMap;
use std::time::Duration;

pub use clock::ClockBounds;
pub(crate) use digests::PartitionDigests;
pub use event::{Applied, Beat, CloseReason, Effect, Event, Hashes, LogRead, Message};
pub use report::PeerState;
pub use topology::Topology;

use self::clock::ClockWatch;
use self::confirm::Confirmations;
use self::digests::{Difference, Repair};
use self::gaps::GapWatch;
use self::link::Link;
use self::staleness::Told;
use self::sync::Sync;
use super::config::ReplicationConfig;
use super::vectors::PartitionVectors;
use crate::engine::{ClockVerdict, Gap};
use crate::env::{Now, StdRng};
use crate::session::{Origin, Partition, ReplicaId, VersionVector};

/// What this node's engine holds.
pub trait Held {
    /// The version vector of a partition.
    fn vector(&self, partition: Partition) -> VersionVector;

    /// The highest entry held of each origin, holes before it or not.
    fn seen(&self, partition: Partition) -> VersionVector;

    /// The first gap of each origin of each partition.
    fn gaps(&self) -> Vec<Gap>;

    /// Whether any entry of a gap of another node is held.
    fn holds_any(&self, gap: Gap) -> bool;

    /// The digest of the records of a partition.
    fn digest(&self, partition: Partition) -> u128;
}

/// The state of replication at one node.
pub struct Core {
    config: ReplicationConfig,
    topology: Topology,
    peers: BTreeMap<ReplicaId, Peer>,
    /// Transfers being received, and from whom.
    transfers: BTreeMap<Partition, ReplicaId>,
    /// Transfers to begin when others have ended.
    transfers_waiting: BTreeMap<Partition, ReplicaId>,
    /// Partitions that this node is about to serve.
    sync: Option<Sync>,
    /// Gaps that have not been filled.
    gaps: BTreeMap<Gap, GapWatch>,
    /// Where digests differ though vectors agree.
    differences: BTreeMap<(ReplicaId, Partition), Difference>,
    /// Of partitions that were transferred because their digests differed.
    repairs: BTreeMap<Partition, Repair>,
    next_gossip: Duration,
    next_heartbeat: Duration,
    clock: ClockWatch,
}

/// What is known of another node.
struct Peer {
    link: Option<Link>,
    /// Partitions that both hold.
    shared: Vec<Partition>,
    /// What need not be sent to it: it has said that it holds it, or has taken it from the link.
    known: PartitionVectors,
    /// What it has said that it holds. What it took from the link it may have held back or refused.
    said: PartitionVectors,
    /// What it has told that it holds, and as of when.
    told: Told,
    /// What it lacked when vectors were last compared.
    stalls: BTreeMap<(Partition, Origin), Stall>,
    /// The newest confirmations of its writes.
    confirmations: Confirmations,
    disconnected_since: Duration,
}

/// A peer's position in an origin's writes, and since when it stands there.
struct Stall {
    seq: u64,
    since: Duration,
}

/// What one call of [`Core::handle`] works with besides the state.
struct Context<'a> {
    now: Duration,
    wall_ms: u64,
    held: &'a dyn Held,
    rng: &'a mut StdRng,
    effects: Vec<Effect>,
}

impl Context<'_> {
    fn send(&mut self, to: ReplicaId, message: Message) {
        self.effects.push(Effect::Send { to, message });
    }

    fn time(&self) -> Now {
        Now { monotonic: self.now, wall_ms: self.wall_ms }
    }
}

impl Core {
    /// A node without any link.
    #[must_use]
    pub fn new(config: ReplicationConfig, topology: Topology, clock_bounds: ClockBounds, now: Now) -> Self {
        let began = now.monotonic;
        let next_gossip = began + Duration::from_millis(config.gossip_interval_ms);
        let next_heartbeat = began + Duration::from_millis(config.heartbeat_ms);
        let clock = ClockWatch::new(clock_bounds, silence_max(&config), began + dialled_within(&config), now);
        let mut core = Self {
            config,
            topology,
            peers: BTreeMap::new(),
            transfers: BTreeMap::new(),
            transfers_waiting: BTreeMap::new(),
            sync: None,
            gaps: BTreeMap::new(),
            differences: BTreeMap::new(),
            repairs: BTreeMap::new(),
            next_gossip,
            next_heartbeat,
            clock,
        };
        core.sync_peers(began);
        core.plan_sync();
        core.clock.judge(now, core.peers.is_empty());
        core
    }

    /// How the own clock stands as far as it is known: to be told to the engine at
    /// the start; later [`Effect::Clock`] says what changes.
    #[must_use]
    pub fn clock_verdict(&self) -> ClockVerdict {
        self.clock.verdict()
    }

    /// When the next [`Event::Tick`] is due.
    #[must_use]
    pub fn wake_at(&self) -> Duration {
        self.next_gossip.min(self.next_heartbeat)
    }

    /// Takes one event and says what to do. Effects are to be carried out in order.
    pub fn handle(&mut self, event: Event, now: Now, held: &dyn Held, rng: &mut StdRng) -> Vec<Effect> {
        let Now { monotonic, wall_ms } = now;
        let mut context = Context { now: monotonic, wall_ms, held, rng, effects: Vec::new() };
        match event {
            Event::Topology(topology) => self.change_topology(topology, &mut context),
            Event::Connected { peer, link } => self.connected(peer, link, &mut context),
            Event::Disconnected { peer, link } => self.disconnected(peer, link, &mut context),
            Event::Committed(entries) => self.push_own(entries, &mut context),
            Event::CommitsSkipped => self.compare_with_all(&mut context),
            Event::EntriesApplied { from, link, taken, pass_on } => {
                self.batch_taken(from, link, taken, &mut context);
                self.pass_on(from, pass_on, &mut context);
            }
            Event::EntriesSynced(dots) => self.confirm_to_origins(dots, &mut context),
            Event::Received { from, link, message } => self.received(from, link, message, &mut context),
            Event::LogRead { peer, link, range, outcome } => {
                self.log_read(peer, link, range, outcome, &mut context);
            }
            Event::TransferEnded { partition, brought } => {
                self.transfer_ended(partition, brought, &mut context);
            }
            Event::Tick => self.tick(&mut context),
        }
        context.effects
    }

    fn change_topology(&mut self, topology: Topology, context: &mut Context<'_>) {
        let known_version = self.topology.layout_version();
        self.topology = topology;
        if self.topology.layout_version() > known_version {
            self.announce_layout(context);
        }
        let gone: Vec<ReplicaId> =
            self.peers.keys().copied().filter(|peer| !self.topology.is_peer(*peer)).collect();
        for peer in gone {
            if self.peers.remove(&peer).is_some_and(|peer| peer.link.is_some()) {
                context.effects.push(Effect::Close { peer, reason: CloseReason::Removed });
            }
        }
        self.clock.retain(|peer| self.topology.is_peer(peer));
        // What a node that is gone has sent last may still arrive.
        self.gaps.clear();
        self.differences.clear();
        for peer in self.sync_peers(context.now) {
            self.compare_vectors(peer, true, context);
        }
        self.plan_sync();
        self.request_sync(context);
    }

    /// Follows the topology; returns the peers that now share other partitions.
    fn sync_peers(&mut self, now: Duration) -> Vec<ReplicaId> {
        let mut changed = Vec::new();
        for id in self.topology.peers() {
            let shared = self.topology.shared(id);
            let peer = self.peers.entry(id).or_insert_with(|| Peer::new(now));
            if peer.shared != shared {
                let topology = &self.topology;
                peer.known.retain(|partition, _| topology.holds(id, *partition));
                peer.said.retain(|partition, _| topology.holds(id, *partition));
                peer.shared = shared;
                changed.push(id);
            }
        }
        changed
    }

    fn connected(&mut self, origin: Origin, id: u64, context: &mut Context<'_>) {
        let Some(peer) = self.peers.get_mut(&origin.replica) else {
            context.effects.push(Effect::Close { peer: origin.replica, reason: CloseReason::Removed });
            return;
        };
        let link = Link::new(id, context.now);
        // At once, so that a node whose clock is off learns it before it serves for long.
        context.send(origin.replica, Message::Heartbeat(link.beat(context.time())));
        peer.link = Some(link);
        // It may have crashed and forgotten unsynced entries, so nothing is known of it.
        peer.known.clear();
        peer.said.clear();
        peer.told.begin_link(context.held);
        peer.stalls.clear();
        let again = peer.confirmations.again(origin);
        context.send(origin.replica, Message::LayoutVersion(self.topology.layout_version()));
        if let Some(applied) = again {
            context.send(origin.replica, Message::Applied(applied));
        }
        // The other side does the same, so no reply is asked for.
        self.compare_vectors(origin.replica, false, context);
        self.request_sync(context);
    }

    fn disconnected(&mut self, replica: ReplicaId, id: u64, context: &mut Context<'_>) {
        let Some(peer) = self.peers.get_mut(&replica) else { return };
        let Some(link) = peer.link.take_if(|link| link.id == id) else { return };
        peer.disconnected_since = context.now;
        self.reroute(replica, link, context);
    }

    fn received(&mut self, from: ReplicaId, id: u64, message: Message, context: &mut Context<'_>) {
        let Some(link) = self.link(from, id) else { return };
        link.last_heard = context.now;
        match message {
            Message::BatchAck { entries } => self.batch_ack(from, entries, context),
            Message::Hashes(theirs) => self.hashes(from, theirs, context),
            Message::Digests(digests) => self.digests(from, &digests, context),
            Message::Vectors { vectors, reply_wanted } => {
                self.vectors(from, vectors, reply_wanted, context);
            }
            Message::LogTruncated(partitions) => self.log_truncated(from, partitions, context),
            Message::LayoutVersion(_) => self.request_sync(context),
            Message::SyncRequest { layout_version, partitions } => {
                self.sync_request(from, layout_version, partitions, context);
            }
            Message::SyncPoint { layout_version, vectors } => {
                self.sync_point(from, layout_version, vectors, context);
            }
            Message::GapsAsked(gaps) => Self::gaps_asked(from, gaps, context),
            Message::GapsShared(gaps) => self.gaps_shared(from, &gaps, context),
            Message::Seen(vectors) => self.seen(from, vectors),
            Message::Heartbeat(beat) => self.beat(from, beat, context),
            // For whoever waits for acknowledgements; it changes nothing here.
            Message::Applied(_) => {}
        }
    }

    fn seen(&mut self, from: ReplicaId, vectors: PartitionVectors) {
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.told.hear(vectors);
        }
    }

    fn beat(&mut self, from: ReplicaId, beat: Beat, context: &mut Context<'_>) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(link) = &mut peer.link else { return };
        let is_first = link.is_unheard();
        let round_trip = link.heard(beat, context.now);
        let echoed = Duration::from_micros(beat.echo_us);
        if round_trip.is_some() && echoed <= context.now {
            peer.told.date(echoed, context.held);
        }
        if is_first {
            self.send_beat(from, &mut PartitionVectors::new(), context);
        }
        if let Some(round_trip) = round_trip.filter(|_| beat.wall_ms > 0) {
            self.clock.heard(from, beat.wall_ms, round_trip, context.time());
            self.judge_clock(context);
        }
    }

    fn judge_clock(&mut self, context: &mut Context<'_>) {
        context.effects.extend(self.clock.judge(context.time(), self.peers.is_empty()).map(Effect::Clock));
    }

    fn tick(&mut self, context: &mut Context<'_>) {
        self.judge_clock(context);
        let interval = Duration::from_millis(self.config.heartbeat_ms);
        let silence_max = silence_max(&self.config);
        let beat_due = context.now >= self.next_heartbeat;
        let mut heard = Vec::new();
        for (id, peer) in &self.peers {
            let Some(link) = &peer.link else { continue };
            if context.now.saturating_sub(link.last_heard) > silence_max {
                context.effects.push(Effect::Close { peer: *id, reason: CloseReason::Silent });
            } else {
                heard.push(*id);
            }
        }
        if beat_due {
            let mut seen = PartitionVectors::new();
            for id in heard {
                self.send_beat(id, &mut seen, context);
            }
            self.next_heartbeat = context.now + interval;
        }
        if context.now >= self.next_gossip {
            self.gossip(context);
            self.request_sync(context);
            self.check_sync(context);
            self.watch_gaps(context);
        }
    }

    /// The link of a peer, unless it has been replaced.
    fn link(&mut self, peer: ReplicaId, id: u64) -> Option<&mut Link> {
        self.peers.get_mut(&peer)?.link.as_mut().filter(|link| link.id == id)
    }

    fn is_connected(&self, replica: ReplicaId) -> bool {
        self.peers.get(&replica).is_some_and(|peer| peer.link.is_some())
    }
}

/// How long after a start the peers that are there take to dial and to send a heartbeat.
fn dialled_within(config: &ReplicationConfig) -> Duration {
    Duration::from_millis(config.reconnect_ms_max + 2 * config.heartbeat_ms)
}

/// How long a link may be silent.
fn silence_max(config: &ReplicationConfig) -> Duration {
    Duration::from_millis(config.heartbeat_ms) * config.heartbeat_misses_max
}

impl Peer {
    fn new(now: Duration) -> Self {
        Self {
            link: None,
            shared: Vec::new(),
            known: PartitionVectors::new(),
            said: PartitionVectors::new(),
            told: Told::default(),
            stalls: BTreeMap::new(),
            confirmations: Confirmations::default(),
            disconnected_since: now,
        }
    }

    fn covers(&self, partition: Partition, origin: Origin, seq: u64) -> bool {
        self.known.get(&partition).is_some_and(|vector| vector.get(&origin) >= seq)
    }
}

#[cfg(test)]
mod harness;
#[cfg(test)]
mod tests;
