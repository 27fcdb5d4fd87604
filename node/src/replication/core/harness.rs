//! Several cores on a simulated network: links are reliable and ordered while
//! they last, like gRPC streams; a cut loses everything under way on them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::engine::{ClockState, Gap, LogEntry};
use crate::env::{Rng, SeedableRng};
use crate::placement::Layout;
use crate::session::Key;

pub(super) const PARTITIONS: u32 = 4;

pub(super) const CLOCK_BOUNDS: ClockBounds = ClockBounds { offset_max_ms: 500, wall_ms_min: 0 };

/// A moment, by a wall clock that is right.
pub(super) fn at_wall(monotonic: Duration) -> Now {
    Now { monotonic, wall_ms: 1_800_000_000_000 + u64::try_from(monotonic.as_millis()).unwrap() }
}

pub(super) fn origin(replica: u16) -> Origin {
    Origin { replica: ReplicaId(replica), incarnation: 1 }
}

pub(super) fn key(partition: u16) -> Key {
    let mut key = [7; 16];
    key[0] = u8::try_from(partition * 64).unwrap();
    Key(key)
}

/// Regions `r0`, `r1`, ... of so many nodes.
fn nodes(regions: &[u16]) -> BTreeMap<ReplicaId, String> {
    let names = regions.iter().enumerate().flat_map(|(number, size)| (0..*size).map(move |_| number));
    (1..).map(ReplicaId).zip(names.map(|number| format!("r{number}"))).collect()
}

/// A layout in which each partition has the same replicas.
pub(super) fn layout(version: u64, regions: &[&[u16]]) -> Layout {
    let ids = |ids: &[u16]| ids.iter().copied().map(ReplicaId).collect();
    let replicas: BTreeMap<String, Vec<ReplicaId>> =
        (0..).zip(regions).map(|(number, replicas)| (format!("r{number}"), ids(replicas))).collect();
    Layout {
        version,
        partition_count: PARTITIONS,
        replicas_per_region: 3,
        partitions: vec![replicas; PARTITIONS as usize],
        next: None,
    }
}

/// Regions `r0`, `r1`, ... of so many nodes; every node holds every partition.
pub(super) fn topology(me: u16, regions: &[u16]) -> Topology {
    let mut ids = 1..;
    let replicas: Vec<Vec<u16>> =
        regions.iter().map(|size| ids.by_ref().take(usize::from(*size)).collect()).collect();
    let replicas: Vec<&[u16]> = replicas.iter().map(Vec::as_slice).collect();
    Topology::for_test(origin(me), nodes(regions), Arc::new(layout(1, &replicas)))
}

/// What an engine would hold.
#[derive(Default)]
pub(super) struct Log {
    entries: BTreeMap<(Partition, Origin), BTreeMap<u64, Arc<LogEntry>>>,
    /// From transfers: everything up to here is held as states.
    base: PartitionVectors,
    /// The log begins after these.
    truncated: BTreeMap<(Partition, Origin), u64>,
    /// What is known beyond all entries: a bit for each thing.
    beyond: BTreeMap<Partition, u64>,
    /// Of this partition nothing beyond entries is taken.
    pub(super) refuses: Option<Partition>,
}

impl Log {
    pub(super) fn insert(&mut self, entry: Arc<LogEntry>) {
        let key = (entry.key.partition(PARTITIONS), entry.origin);
        self.entries.entry(key).or_default().insert(entry.seq, entry);
    }

    pub(super) fn entry(&self, partition: Partition, origin: Origin, seq: u64) -> Arc<LogEntry> {
        self.entries[&(partition, origin)][&seq].clone()
    }

    fn read(&self, key: (Partition, Origin), after: u64, bytes_max: usize) -> LogRead {
        if self.truncated.get(&key).is_some_and(|first| after < *first) {
            return LogRead::Truncated;
        }
        let mut bytes = 0;
        let entries = self.entries.get(&key).into_iter().flat_map(|entries| entries.range(after + 1..));
        let within = entries.take_while(|(_, entry)| {
            bytes += link::cost_bytes(entry);
            bytes <= bytes_max
        });
        LogRead::Entries(within.map(|(_, entry)| entry.clone()).collect())
    }

    pub(super) fn learn_without_entry(&mut self, partition: Partition, bit: u32) {
        *self.beyond.entry(partition).or_default() |= 1 << bit;
    }

    pub(super) fn forget_without_entry(&mut self, partition: Partition, bit: u32) {
        *self.beyond.entry(partition).or_default() &= !(1 << bit);
    }

    fn take_beyond(&mut self, partition: Partition, beyond: u64) {
        if self.refuses != Some(partition) {
            *self.beyond.entry(partition).or_default() |= beyond;
        }
    }

    pub(super) fn truncate(&mut self) {
        for (key, entries) in &mut self.entries {
            if let Some((last, _)) = entries.pop_last() {
                self.truncated.insert(*key, last);
                self.base.entry(key.0).or_default().dots.insert(key.1, last);
                entries.clear();
            }
        }
    }
}

impl Held for Log {
    fn vector(&self, partition: Partition) -> VersionVector {
        let mut vector = self.base.get(&partition).cloned().unwrap_or_default();
        for ((of, origin), entries) in &self.entries {
            let mut seq = vector.get(origin);
            while *of == partition && entries.contains_key(&(seq + 1)) {
                seq += 1;
            }
            if *of == partition && seq > 0 {
                vector.dots.insert(*origin, seq);
            }
        }
        vector
    }

    fn seen(&self, partition: Partition) -> VersionVector {
        let mut seen = self.vector(partition);
        for ((of, origin), entries) in &self.entries {
            let last = entries.keys().next_back().filter(|_| *of == partition);
            if let Some(last) = last.filter(|last| **last > seen.get(origin)) {
                seen.dots.insert(*origin, *last);
            }
        }
        seen
    }

    fn gaps(&self) -> Vec<Gap> {
        let gap = |((partition, origin), entries): (&(Partition, Origin), &BTreeMap<u64, _>)| {
            let held = self.vector(*partition).get(origin);
            let (next, _) = entries.range(held + 1..).next()?;
            Some(Gap { partition: *partition, origin: *origin, first: held + 1, last: next - 1 })
        };
        self.entries.iter().filter_map(gap).collect()
    }

    fn holds_any(&self, gap: Gap) -> bool {
        let entries = self.entries.get(&(gap.partition, gap.origin));
        entries.is_some_and(|entries| entries.range(gap.first..=gap.last).next().is_some())
    }

    fn digest(&self, partition: Partition) -> u128 {
        let entries: u128 = self.vector(partition).dots.values().map(|seq| u128::from(*seq)).sum();
        entries << 64 | u128::from(self.beyond.get(&partition).copied().unwrap_or_default())
    }
}

enum Frame {
    Entries(Vec<Arc<LogEntry>>, bool),
    Message(Message),
}

pub(super) struct Node {
    pub(super) core: Core,
    pub(super) log: Log,
    rng: StdRng,
    later: VecDeque<Event>,
    pub(super) written: BTreeMap<Partition, u64>,
    /// The layouts that it has reported as synced, and what it held then.
    pub(super) reports: Vec<(u64, PartitionVectors)>,
    /// From whom it took over which partitions.
    pub(super) transferred: Vec<(u16, Partition)>,
}

pub(super) struct Net {
    pub(super) nodes: BTreeMap<u16, Node>,
    pub(super) links: BTreeMap<(u16, u16), u64>,
    queues: BTreeMap<(u16, u16), VecDeque<Frame>>,
    pub(super) now: Duration,
    pub(super) rng: StdRng,
    next_link: u64,
    regions: Vec<u16>,
    /// Since when a node has held an entry that it wrote or was sent.
    pub(super) held_since: BTreeMap<(u16, Partition, Origin, u64), Duration>,
    /// Entries sent from one region to another.
    pub(super) wan_entries: u64,
    /// These nodes take nothing and answer nothing, though their links stay open.
    pub(super) stuck: Vec<u16>,
}

impl Net {
    pub(super) fn new(seed: u64, regions: &[u16], config: &ReplicationConfig) -> Self {
        let count: u16 = regions.iter().sum();
        let node = |id: u16| Node {
            core: Core::new(config.clone(), topology(id, regions), CLOCK_BOUNDS, at_wall(Duration::ZERO)),
            log: Log::default(),
            rng: StdRng::seed_from_u64(seed ^ u64::from(id)),
            later: VecDeque::new(),
            written: BTreeMap::new(),
            reports: Vec::new(),
            transferred: Vec::new(),
        };
        Self {
            nodes: (1..=count).map(|id| (id, node(id))).collect(),
            links: BTreeMap::new(),
            queues: BTreeMap::new(),
            now: Duration::ZERO,
            rng: StdRng::seed_from_u64(seed),
            next_link: 1,
            regions: regions.to_vec(),
            held_since: BTreeMap::new(),
            wan_entries: 0,
            stuck: Vec::new(),
        }
    }

    /// A node learns of a layout.
    pub(super) fn learn(&mut self, at: u16, layout: &Layout) {
        let topology = Topology::for_test(origin(at), nodes(&self.regions), Arc::new(layout.clone()));
        self.event(at, Event::Topology(topology));
    }

    pub(super) fn vectors(&self, at: u16) -> PartitionVectors {
        let partitions = (0..PARTITIONS).map(|number| Partition(u16::try_from(number).unwrap()));
        partitions.map(|partition| (partition, self.nodes[&at].log.vector(partition))).collect()
    }

    /// A node learns that another one has been removed.
    pub(super) fn remove(&mut self, at: u16, gone: u16) {
        let mut left = nodes(&self.regions);
        left.remove(&ReplicaId(gone));
        let layout = self.nodes[&at].core.topology.layout();
        self.event(at, Event::Topology(Topology::for_test(origin(at), left, layout)));
    }

    pub(super) fn pairs(&self) -> Vec<(u16, u16)> {
        let ids: Vec<u16> = self.nodes.keys().copied().collect();
        ids.iter().flat_map(|a| ids.iter().filter(move |b| a < b).map(move |b| (*a, *b))).collect()
    }

    pub(super) fn connect(&mut self, a: u16, b: u16) {
        if self.links.contains_key(&(a, b)) {
            return;
        }
        let link = self.next_link;
        self.next_link += 1;
        self.links.insert((a, b), link);
        self.event(a, Event::Connected { peer: origin(b), link });
        self.event(b, Event::Connected { peer: origin(a), link });
    }

    pub(super) fn connect_all(&mut self) {
        for (a, b) in self.pairs() {
            self.connect(a, b);
        }
    }

    pub(super) fn cut(&mut self, a: u16, b: u16) {
        let (a, b) = (a.min(b), a.max(b));
        let Some(link) = self.links.remove(&(a, b)) else { return };
        self.queues.remove(&(a, b));
        self.queues.remove(&(b, a));
        self.event(a, Event::Disconnected { peer: ReplicaId(b), link });
        self.event(b, Event::Disconnected { peer: ReplicaId(a), link });
    }

    pub(super) fn write(&mut self, at: u16, partition: u16, bytes: usize) {
        let node = self.nodes.get_mut(&at).unwrap();
        let seq = node.written.entry(Partition(partition)).or_default();
        *seq += 1;
        let fragment = Bytes::from(vec![1; bytes]);
        let entry = LogEntry { origin: origin(at), seq: *seq, key: key(partition), ack: false, fragment };
        let entry = Arc::new(entry);
        node.log.insert(entry.clone());
        self.note_held(at, &entry);
        self.event(at, Event::Committed(vec![entry]));
    }

    fn note_held(&mut self, at: u16, entry: &LogEntry) {
        let held = (at, entry.key.partition(PARTITIONS), entry.origin, entry.seq);
        self.held_since.entry(held).or_insert(self.now);
    }

    pub(super) fn event(&mut self, at: u16, event: Event) {
        let node = self.nodes.get_mut(&at).unwrap();
        let effects = node.core.handle(event, at_wall(self.now), &node.log, &mut node.rng);
        for effect in effects {
            self.carry_out(at, effect);
        }
    }

    fn carry_out(&mut self, at: u16, effect: Effect) {
        match effect {
            Effect::SendEntries { to, entries, relay } => {
                let node = &self.nodes[&at];
                if node.core.topology.region_of(to) != Some(node.core.topology.region()) {
                    self.wan_entries += entries.len() as u64;
                }
                self.send(at, to.0, Frame::Entries(entries, relay));
            }
            Effect::Send { to, message } => self.send(at, to.0, Frame::Message(message)),
            Effect::ReadLog { peer, link, partition, origin, after, bytes_max } => {
                let node = self.nodes.get_mut(&at).unwrap();
                let outcome = node.log.read((partition, origin), after, bytes_max);
                node.later.push_back(Event::LogRead { peer, link, range: (partition, origin), outcome });
            }
            Effect::StartTransfer { from, partition } => {
                let theirs = self.nodes[&from.0].log.vector(partition);
                let beyond = self.nodes[&from.0].log.beyond.get(&partition).copied().unwrap_or_default();
                let node = self.nodes.get_mut(&at).unwrap();
                node.log.take_beyond(partition, beyond);
                let base = node.log.base.entry(partition).or_default();
                for (origin, seq) in theirs.dots {
                    if seq > base.get(&origin) {
                        base.dots.insert(origin, seq);
                    }
                    let truncated = node.log.truncated.entry((partition, origin)).or_default();
                    *truncated = seq.max(*truncated);
                }
                node.transferred.push((from.0, partition));
                node.later.push_back(Event::TransferEnded { partition, brought: Some(Vec::new()) });
            }
            Effect::Synced { layout_version, .. } => {
                let held = self.vectors(at);
                self.nodes.get_mut(&at).unwrap().reports.push((layout_version, held));
            }
            Effect::PassOver(Gap { partition, origin, last, .. }) => {
                let node = self.nodes.get_mut(&at).unwrap();
                node.log.base.entry(partition).or_default().dots.insert(origin, last);
            }
            Effect::Clock(verdict) => {
                assert!(
                    matches!(
                        verdict.state,
                        ClockState::Waiting | ClockState::Unheard | ClockState::Alone | ClockState::Agreed
                    ),
                    "{verdict:?}"
                );
            }
            Effect::Close { peer, .. } => self.cut(at, peer.0),
        }
    }

    fn send(&mut self, from: u16, to: u16, frame: Frame) {
        assert!(
            self.links.contains_key(&(from.min(to), from.max(to))),
            "sent from {from} to {to}, not linked"
        );
        self.queues.entry((from, to)).or_default().push_back(frame);
    }

    /// Lets one random thing that is under way arrive; false if nothing is.
    pub(super) fn deliver_one(&mut self) -> bool {
        let busy: Vec<(u16, u16)> = self
            .queues
            .iter()
            .filter(|((from, to), queue)| {
                !queue.is_empty() && !self.stuck.contains(to) && !self.stuck.contains(from)
            })
            .map(|(pair, _)| *pair)
            .chain(self.nodes.iter().filter(|(_, node)| !node.later.is_empty()).map(|(id, _)| (*id, *id)))
            .collect();
        if busy.is_empty() {
            return false;
        }
        let (from, to) = busy[self.rng.random_range(0..busy.len())];
        if from == to {
            let event = self.nodes.get_mut(&to).unwrap().later.pop_front().unwrap();
            self.event(to, event);
            return true;
        }
        let frame = self.queues.get_mut(&(from, to)).unwrap().pop_front().unwrap();
        let link = self.links[&(from.min(to), from.max(to))];
        let from = ReplicaId(from);
        match frame {
            Frame::Message(message) => self.event(to, Event::Received { from, link, message }),
            Frame::Entries(entries, relay) => {
                let taken = entries.len() as u64;
                for entry in &entries {
                    self.nodes.get_mut(&to).unwrap().log.insert(entry.clone());
                    self.note_held(to, entry);
                }
                let pass_on = if relay { entries } else { Vec::new() };
                self.event(to, Event::EntriesApplied { from, link, taken, pass_on });
            }
        }
        true
    }

    pub(super) fn settle(&mut self) {
        while self.deliver_one() {}
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.now += time;
        let is_due = |id: u16, node: &Node| node.core.wake_at() <= self.now && !self.stuck.contains(&id);
        let due: Vec<u16> =
            self.nodes.iter().filter(|(id, node)| is_due(**id, node)).map(|(id, _)| *id).collect();
        for id in due {
            self.event(id, Event::Tick);
        }
    }

    pub(super) fn converged(&self) -> bool {
        let all: Vec<u16> = self.nodes.keys().copied().collect();
        self.have_all(&all)
    }

    /// These nodes hold everything that was ever written.
    pub(super) fn have_all(&self, nodes: &[u16]) -> bool {
        (0..PARTITIONS).all(|partition| {
            let partition = Partition(u16::try_from(partition).unwrap());
            let mut vectors = nodes.iter().map(|id| self.nodes[id].log.vector(partition));
            let first = vectors.next().unwrap();
            let written: u64 = self.nodes.values().filter_map(|node| node.written.get(&partition)).sum();
            first.dots.values().sum::<u64>() == written && vectors.all(|vector| vector == first)
        })
    }

    /// Everything quiet and connected: runs until all nodes hold everything written.
    pub(super) fn converge(&mut self, within: Duration) {
        self.quiet_until("converged", within, Self::converged);
    }

    /// Everything quiet and connected: runs until something holds.
    pub(super) fn quiet_until(&mut self, what: &str, within: Duration, holds: impl Fn(&Self) -> bool) {
        let deadline = self.now + within;
        while !holds(self) {
            assert!(self.now < deadline, "not {what} after {within:?}");
            self.connect_all();
            self.settle();
            self.advance(Duration::from_millis(100));
        }
    }

    /// Everything quiet and connected.
    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.settle();
            self.advance(Duration::from_millis(100));
        }
    }

    pub(super) fn buffered_bytes_max(&self) -> u64 {
        let peers = self.nodes.values().flat_map(|node| node.core.peers.values());
        let links = peers.filter_map(|peer| peer.link.as_ref());
        links.map(|link| link.buffered_bytes() as u64).max().unwrap_or_default()
    }
}
