//! Deciding when this node holds what it is about to serve.
//!
//! For each partition it asks the replicas that serve it what they hold (their
//! *sync points*), once both sides know of the layout. Then push, gossip, log and
//! transfer bring the entries, as always. A partition has synced when this node
//! has reached the points of a majority of one group of replicas: it meets every
//! acknowledged write. For a while it waits for the other connected ones as well,
//! so that a read at one replica misses less after the change than before.
//!
//! A replica that counts confirmations does not count those of peers that know a
//! newer layout than itself ([`Message::LayoutVersion`]). So no write can be
//! acknowledged by the old replicas alone after they have given their points.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Context, Core, Effect, Message};
use crate::placement::majority;
use crate::replication::vectors::PartitionVectors;
use crate::session::{Partition, ReplicaId, VersionVector};

/// A point that does not come nearer for so many `gossip_stall_ms` lies beyond a
/// hole that nobody can fill: the records are transferred.
const STALLS_MAX: u32 = 5;

/// How long connected replicas beyond a majority are waited for, in `gossip_stall_ms`.
const OTHERS_STALLS: u32 = 5;

/// How often the membership is told, in `gossip_stall_ms`.
const REPORT_STALLS: u32 = 2;

/// What this node must hold to serve the next layout.
pub(super) struct Sync {
    layout_version: u64,
    partitions: BTreeMap<Partition, Syncing>,
    next_report: Duration,
}

/// One partition.
struct Syncing {
    /// The groups of replicas; a majority of any one is enough.
    groups: Vec<Vec<ReplicaId>>,
    points: BTreeMap<ReplicaId, Point>,
    /// Since when a majority has been reached.
    enough_since: Option<Duration>,
    done: bool,
}

/// What a replica held when it was asked.
struct Point {
    vector: VersionVector,
    reached: bool,
    /// How much of it is held here, in entries, and since when.
    progress: u64,
    since: Duration,
    /// A transfer from the replica that began after the point was given is under way.
    transfer: bool,
}

impl Syncing {
    fn replicas(&self) -> impl Iterator<Item = ReplicaId> {
        self.groups.iter().flatten().copied()
    }

    fn has_reached(&self, replica: ReplicaId) -> bool {
        self.points.get(&replica).is_some_and(|point| point.reached)
    }

    /// A majority of one group has been reached.
    fn is_enough(&self, me: ReplicaId) -> bool {
        let reached = |replica: &&ReplicaId| **replica == me || self.has_reached(**replica);
        self.groups.iter().any(|group| group.iter().filter(reached).count() >= majority(group.len()))
    }

    /// Nobody has to be waited for any longer: not those that cannot be reached,
    /// and at most `patience` for the others.
    fn is_done(
        &mut self,
        me: ReplicaId,
        is_connected: impl Fn(ReplicaId) -> bool,
        patience: Duration,
        now: Duration,
    ) -> bool {
        if !self.is_enough(me) {
            return false;
        }
        let since = *self.enough_since.get_or_insert(now);
        let mut awaited = self.replicas().filter(|replica| *replica != me && is_connected(*replica));
        now.saturating_sub(since) >= patience || awaited.all(|replica| self.has_reached(replica))
    }
}

impl Point {
    fn advance(&mut self, held: &VersionVector, now: Duration) {
        let reached = |(origin, seq): (&_, &u64)| held.get(origin).min(*seq);
        let progress = self.vector.dots.iter().map(reached).sum();
        self.reached |= progress == self.vector.dots.values().sum::<u64>();
        if progress > self.progress {
            (self.progress, self.since) = (progress, now);
        }
    }
}

impl Core {
    /// Follows the topology: another layout is synced from the beginning.
    pub(super) fn plan_sync(&mut self) {
        let layout_version = self.topology.layout_version();
        let partitions = self.topology.to_sync();
        if partitions.is_empty() {
            self.sync = None;
        } else if self.sync.as_ref().is_none_or(|sync| sync.layout_version != layout_version) {
            let begin = |groups| Syncing { groups, points: BTreeMap::new(), enough_since: None, done: false };
            let partitions = partitions.into_iter().map(|(partition, groups)| (partition, begin(groups)));
            let partitions = partitions.collect();
            self.sync = Some(Sync { layout_version, partitions, next_report: Duration::ZERO });
        }
    }

    /// Tells all peers that from here on this node knows the layout.
    pub(super) fn announce_layout(&self, context: &mut Context<'_>) {
        for (id, _) in self.peers.iter().filter(|(_, peer)| peer.link.is_some()) {
            context.send(*id, Message::LayoutVersion(self.topology.layout_version()));
        }
    }

    /// Asks connected replicas for the points that are still missing.
    pub(super) fn request_sync(&self, context: &mut Context<'_>) {
        let Some(sync) = &self.sync else { return };
        let mut wanted: BTreeMap<ReplicaId, Vec<Partition>> = BTreeMap::new();
        for (partition, syncing) in sync.partitions.iter().filter(|(_, syncing)| !syncing.done) {
            let unknown = syncing.replicas().filter(|replica| !syncing.points.contains_key(replica));
            for replica in unknown.filter(|replica| self.is_connected(*replica)) {
                wanted.entry(replica).or_default().push(*partition);
            }
        }
        for (to, partitions) in wanted {
            let layout_version = sync.layout_version;
            context.send(to, Message::SyncRequest { layout_version, partitions });
        }
    }

    /// A peer asks what this node holds. Unless this node knows the layout, it will be asked again.
    pub(super) fn sync_request(
        &self,
        from: ReplicaId,
        layout_version: u64,
        partitions: Vec<Partition>,
        context: &mut Context<'_>,
    ) {
        if self.topology.layout_version() < layout_version {
            return;
        }
        let me = self.topology.me().replica;
        let served = partitions.into_iter().filter(|partition| self.topology.serves(me, *partition));
        let vectors = served.map(|partition| (partition, context.held.seen(partition))).collect();
        context.send(from, Message::SyncPoint { layout_version, vectors });
    }

    /// A replica says what it holds.
    pub(super) fn sync_point(
        &mut self,
        from: ReplicaId,
        layout_version: u64,
        vectors: PartitionVectors,
        context: &mut Context<'_>,
    ) {
        let Some(sync) = self.sync.as_mut().filter(|sync| sync.layout_version == layout_version) else {
            return;
        };
        for (partition, vector) in vectors {
            let Some(syncing) = sync.partitions.get_mut(&partition) else { continue };
            let since = context.now;
            let point = Point { vector, reached: false, progress: 0, since, transfer: false };
            syncing.points.entry(from).or_insert(point);
        }
        self.check_sync(context);
    }

    /// Looks how far this node has come, and says so once it is there.
    pub(super) fn check_sync(&mut self, context: &mut Context<'_>) {
        let stall = Duration::from_millis(self.config.gossip_stall_ms);
        let Some(mut sync) = self.sync.take() else { return };
        for (partition, syncing) in sync.partitions.iter_mut().filter(|(_, syncing)| !syncing.done) {
            let vector = context.held.vector(*partition);
            syncing.points.values_mut().for_each(|point| point.advance(&vector, context.now));
            let (me, patience) = (self.topology.me().replica, stall * OTHERS_STALLS);
            syncing.done = syncing.is_done(me, |peer| self.is_connected(peer), patience, context.now);
            if !syncing.done {
                self.transfer_beyond_holes(*partition, syncing, stall * STALLS_MAX, context.now);
            }
        }
        if sync.partitions.values().all(|syncing| syncing.done) && context.now >= sync.next_report {
            sync.next_report = context.now + stall * REPORT_STALLS;
            let (layout_version, partitions) =
                (sync.layout_version, sync.partitions.keys().copied().collect());
            context.effects.push(Effect::Synced { layout_version, partitions });
        }
        self.sync = Some(sync);
        self.start_transfers(context);
    }

    fn transfer_beyond_holes(
        &mut self,
        partition: Partition,
        syncing: &mut Syncing,
        stall: Duration,
        now: Duration,
    ) {
        let stands_still = |point: &Point| !point.reached && now.saturating_sub(point.since) >= stall;
        let mut behind = syncing.points.iter_mut().filter(|(_, point)| stands_still(point));
        if let Some((from, point)) = behind.next()
            && !self.transfers.contains_key(&partition)
        {
            point.since = now;
            self.transfers_waiting.entry(partition).or_insert(*from);
        }
    }

    pub(super) fn sync_transfer_started(&mut self, partition: Partition, from: ReplicaId) {
        if let Some(point) = self.point(partition, from) {
            point.transfer = true;
        }
    }

    /// All that a replica held when it gave its point has come as records.
    pub(super) fn sync_transferred(&mut self, partition: Partition, from: ReplicaId, complete: bool) {
        if let Some(point) = self.point(partition, from) {
            point.reached |= complete && point.transfer;
            point.transfer = false;
        }
    }

    fn point(&mut self, partition: Partition, replica: ReplicaId) -> Option<&mut Point> {
        self.sync.as_mut()?.partitions.get_mut(&partition)?.points.get_mut(&replica)
    }
}

#[cfg(test)]
mod tests;
