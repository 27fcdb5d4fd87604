use std::sync::Arc;

use bytes::Bytes;

use super::harness::*;
use super::*;
use crate::engine::LogEntry;
use crate::env::{Rng, SeedableRng};
use crate::session::Dot;

const REGIONS: [u16; 2] = [3, 3];

fn small() -> ReplicationConfig {
    ReplicationConfig {
        buffer_bytes_max: 4_000,
        in_flight_bytes_max: 2_000,
        batch_bytes_max: 1_000,
        batch_entries_max: 8,
        ..ReplicationConfig::default()
    }
}

/// One core and nothing around it.
struct Lone {
    core: Core,
    log: Log,
    rng: StdRng,
}

impl Lone {
    fn new(me: u16, regions: &[u16]) -> Self {
        let core = Core::new(
            ReplicationConfig::default(),
            topology(me, regions),
            CLOCK_BOUNDS,
            at_wall(Duration::ZERO),
        );
        Self { core, log: Log::default(), rng: StdRng::seed_from_u64(1) }
    }

    fn at(&mut self, ms: u64, event: Event) -> Vec<Effect> {
        self.core.handle(event, at_wall(Duration::from_millis(ms)), &self.log, &mut self.rng)
    }

    fn connect(&mut self, peer: u16) {
        let link = peer.into();
        self.at(0, Event::Connected { peer: origin(peer), link });
        let vectors = (0..4).map(|partition| (Partition(partition), VersionVector::default())).collect();
        self.receive(0, peer, Message::Vectors { vectors, reply_wanted: false });
    }

    fn receive(&mut self, ms: u64, peer: u16, message: Message) -> Vec<Effect> {
        self.at(ms, Event::Received { from: ReplicaId(peer), link: peer.into(), message })
    }
}

fn entry(replica: u16, seq: u64) -> Arc<LogEntry> {
    let fragment = Bytes::from_static(b"fragment");
    Arc::new(LogEntry { origin: origin(replica), seq, key: key(0), ack: true, fragment })
}

fn sent(to: u16, entries: &[Arc<LogEntry>], relay: bool) -> Effect {
    Effect::SendEntries { to: ReplicaId(to), entries: entries.to_vec(), relay }
}

#[test]
fn own_entries_go_to_the_region_and_one_relay() {
    let mut node = Lone::new(1, &REGIONS);
    for peer in 2..=6 {
        node.connect(peer);
    }
    let effects = node.at(1, Event::Committed(vec![entry(1, 1), entry(1, 2)]));
    let both = [entry(1, 1), entry(1, 2)];
    assert_eq!(effects, [sent(2, &both, false), sent(3, &both, false), sent(6, &both, true)]);
}

#[test]
fn a_relay_that_goes_is_replaced_and_loses_nothing() {
    let mut node = Lone::new(1, &REGIONS);
    for peer in 4..=6 {
        node.connect(peer);
    }
    assert_eq!(node.at(1, Event::Committed(vec![entry(1, 1)])), [sent(6, &[entry(1, 1)], true)]);
    let effects = node.at(2, Event::Disconnected { peer: ReplicaId(6), link: 6 });
    assert_eq!(effects, [sent(5, &[entry(1, 1)], true)]);
    assert_eq!(node.at(3, Event::Disconnected { peer: ReplicaId(5), link: 999 }), [], "an older link");
}

#[test]
fn a_relay_passes_on_confirms_and_does_not_send_back() {
    let mut node = Lone::new(4, &REGIONS);
    for peer in [1, 5, 6] {
        node.connect(peer);
    }
    let event = Event::EntriesApplied { from: ReplicaId(1), link: 1, taken: 2, pass_on: vec![entry(1, 1)] };
    let applied = Applied { incarnation: 1, dots: vec![(Partition(0), 1)] };
    let expected = [
        Effect::Send { to: ReplicaId(1), message: Message::BatchAck { entries: 2 } },
        sent(5, &[entry(1, 1)], false),
        sent(6, &[entry(1, 1)], false),
    ];
    assert_eq!(node.at(1, event), expected);
    let synced = Event::EntriesSynced(vec![(Partition(0), Dot { origin: origin(1), seq: 1 })]);
    let confirmation = Effect::Send { to: ReplicaId(1), message: Message::Applied(applied) };
    assert_eq!(node.at(1, synced), [confirmation]);
}

#[test]
fn what_a_peer_is_known_to_hold_is_not_sent() {
    let mut node = Lone::new(1, &[2]);
    node.connect(2);
    let vectors = BTreeMap::from([(Partition(0), VersionVector::from(crdts::Dot::new(origin(1), 5)))]);
    node.receive(1, 2, Message::Vectors { vectors, reply_wanted: false });
    let effects = node.at(2, Event::Committed(vec![entry(1, 5), entry(1, 6)]));
    assert_eq!(effects, [sent(2, &[entry(1, 6)], false)]);
}

#[test]
fn what_a_peer_took_from_the_link_it_has_not_said_to_hold() {
    let mut node = Lone::new(1, &[2]);
    node.connect(2);
    let vector = VersionVector::from(crdts::Dot::new(origin(1), 1));
    let holds = |node: &Lone| node.core.is_known_to_hold(ReplicaId(2), Partition(0), &vector);
    node.at(1, Event::Committed(vec![entry(1, 1)]));
    node.receive(2, 2, Message::BatchAck { entries: 1 });
    assert!(!holds(&node), "it may hold it back until its clock is right");
    let vectors = BTreeMap::from([(Partition(0), vector.clone())]);
    node.receive(3, 2, Message::Vectors { vectors, reply_wanted: false });
    assert!(holds(&node));
    node.at(4, Event::Disconnected { peer: ReplicaId(2), link: 2 });
    assert!(!holds(&node), "it may have lost its power");
}

#[test]
fn equal_hashes_are_silent_and_others_bring_the_vectors() {
    let mut node = Lone::new(1, &[2]);
    node.connect(2);
    let vectors: PartitionVectors =
        (0..4).map(|number| (Partition(number), node.log.vector(Partition(number)))).collect();
    let hash = crate::replication::vectors::hash(&vectors);
    let digests_hash = node.core.digests_hash(ReplicaId(2), &node.log);
    let hashes = |other, others| {
        let (vectors, digests) = (hash ^ other, digests_hash ^ others);
        Message::Hashes(Hashes { vectors, digests, differed: false })
    };
    assert_eq!(node.receive(1, 2, hashes(0, 0)), []);
    let sent = |message| [Effect::Send { to: ReplicaId(2), message }];
    assert_eq!(node.receive(1, 2, hashes(1, 1)), sent(Message::Vectors { vectors, reply_wanted: true }));
    let digests = (0..4).map(|number| (Partition(number), node.log.digest(Partition(number)))).collect();
    assert_eq!(node.receive(1, 2, hashes(0, 1)), sent(Message::Digests(digests)));
}

#[test]
fn a_silent_link_is_closed() {
    let mut node = Lone::new(1, &[2]);
    node.connect(2);
    let beat = Message::Heartbeat(Beat { sent_us: 1, echo_us: 0, held_us: 0, wall_ms: 0 });
    node.receive(2_000, 2, beat);
    let close = Effect::Close { peer: ReplicaId(2), reason: CloseReason::Silent };
    assert!(!node.at(5_000, Event::Tick).contains(&close));
    assert!(node.at(5_001, Event::Tick).contains(&close));
}

#[test]
fn more_confirmations_than_entries_close_the_link() {
    let mut node = Lone::new(1, &[2]);
    node.connect(2);
    let close = Effect::Close { peer: ReplicaId(2), reason: CloseReason::Protocol };
    assert_eq!(node.receive(1, 2, Message::BatchAck { entries: 1 }), [close]);
}

#[test]
fn the_round_trip_leaves_out_how_long_the_echo_was_held() {
    let mut node = Lone::new(1, &[2]);
    node.connect(2);
    node.receive(
        50,
        2,
        Message::Heartbeat(Beat { sent_us: 9, echo_us: 10_000, held_us: 30_000, wall_ms: 0 }),
    );
    let peers = node.core.peers(Duration::from_millis(50), &node.log);
    assert_eq!(peers[0].round_trip_us, Some(10_000));
}

#[test]
fn everything_arrives_whatever_is_cut() {
    for seed in 0..12 {
        let mut net = Net::new(seed, &[3, 2, 3], &small());
        net.connect_all();
        for _ in 0..1_500 {
            let pairs = net.pairs();
            let (a, b) = pairs[net.rng.random_range(0..pairs.len())];
            match net.rng.random_range(0..100) {
                0..30 => {
                    let (partition, bytes) = (net.rng.random_range(0..4), net.rng.random_range(0..200));
                    net.write(a, partition, bytes);
                }
                30..32 => net.cut(a, b),
                32..36 => net.connect(a, b),
                36..40 => net.advance(Duration::from_millis(20)),
                _ => {
                    net.deliver_one();
                }
            }
            assert!(net.buffered_bytes_max() <= 4_000, "seed {seed}");
        }
        net.converge(Duration::from_secs(60));
    }
}

#[test]
fn a_dead_peer_holds_no_more_than_its_buffer_and_catches_up_from_the_log() {
    let mut net = Net::new(7, &[2], &small());
    net.connect_all();
    net.settle();
    net.stuck = vec![2];
    for _ in 0..500 {
        net.write(1, 0, 100);
    }
    assert!(net.buffered_bytes_max() <= 4_000);
    let report = &net.nodes[&1].core.peers(net.now, &net.nodes[&1].log)[0];
    assert!(report.lagging && report.lag_entries == 500, "{report:?}");
    net.stuck.clear();
    net.settle();
    assert!(net.converged(), "without any gossip");
    let report = &net.nodes[&1].core.peers(net.now, &net.nodes[&1].log)[0];
    assert!(!report.lagging && report.lag_entries == 0 && report.buffered_bytes == 0, "{report:?}");
}

#[test]
fn one_copy_goes_to_each_other_region() {
    let mut net = Net::new(3, &[3, 3, 3], &ReplicationConfig::default());
    net.connect_all();
    net.settle();
    for number in 0..900 {
        net.write(1 + number % 9, number % 4, 50);
        if number % 10 == 0 {
            net.settle();
            net.advance(Duration::from_millis(30));
        }
    }
    net.converge(Duration::from_secs(10));
    assert_eq!(net.wan_entries, 900 * 2);
}

#[test]
fn a_healed_cut_carries_little_more_than_one_copy() {
    let mut net = Net::new(3, &[3, 3], &ReplicationConfig::default());
    net.connect_all();
    net.settle();
    for (a, b) in net.pairs() {
        if a <= 3 && b > 3 {
            net.cut(a, b);
        }
    }
    for number in 0..600 {
        net.write(1 + number % 6, number % 4, 50);
        net.settle();
    }
    assert_eq!(net.wan_entries, 0);
    net.converge(Duration::from_secs(10));
    assert!(net.wan_entries <= 600 * 3 / 2, "{} copies of 600 entries", net.wan_entries);
}

#[test]
fn a_truncated_log_leads_to_a_transfer() {
    let mut net = Net::new(5, &[3], &small());
    net.connect(1, 2);
    for _ in 0..50 {
        net.write(1, 0, 10);
    }
    net.settle();
    for node in net.nodes.values_mut() {
        node.log.truncate();
    }
    net.write(1, 0, 10);
    net.converge(Duration::from_secs(30));
}
