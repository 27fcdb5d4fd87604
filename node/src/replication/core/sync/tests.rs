use crate::env::{Rng, StdRng};
use crate::placement::Layout;
use crate::replication::ReplicationConfig;
use crate::replication::core::harness::*;
use crate::replication::core::{Effect, Event};
use crate::session::{Origin, VersionVector};

use super::*;

const A_MINUTE: Duration = Duration::from_secs(60);

fn covers(held: &PartitionVectors, wanted: &PartitionVectors) -> bool {
    let holds = |(partition, vector): (&Partition, &VersionVector)| {
        vector.dots.iter().all(|(origin, seq)| held[partition].get(origin) >= *seq)
    };
    wanted.iter().all(holds)
}

fn has_reported(net: &Net, node: u16) -> bool {
    !net.nodes[&node].reports.is_empty()
}

/// Region `r0` goes from nodes 1 to 4 to nodes 1, 2 and 5; `r1` stays.
fn change() -> Layout {
    layout(1, &[&[1, 2, 3, 4], &[6, 7]]).toward(layout(2, &[&[1, 2, 5], &[6, 7]]))
}

fn net_before_the_change(seed: u64) -> Net {
    let mut net = Net::new(seed, &[5, 2], &ReplicationConfig::default());
    for node in 1..=7 {
        net.learn(node, &layout(1, &[&[1, 2, 3, 4], &[6, 7]]));
    }
    net.connect_all();
    net.settle();
    net
}

#[test]
fn a_fifth_node_joins_under_load_and_holds_what_a_majority_held() {
    for seed in 0..20 {
        let mut net = net_before_the_change(seed);
        let mut known: BTreeMap<u16, PartitionVectors> = BTreeMap::new();
        for step in 0..1_500 {
            let pairs = net.pairs();
            let (a, b) = pairs[net.rng.random_range(0..pairs.len())];
            match net.rng.random_range(0..100) {
                0..25 if a != 5 => {
                    let (partition, bytes) = (net.rng.random_range(0..4), net.rng.random_range(0..200));
                    net.write(a, partition, bytes);
                }
                25..27 => net.cut(a, b),
                27..33 => net.connect(a, b),
                33..36 => net.advance(Duration::from_millis(50)),
                36..38 if step > 300 && !known.contains_key(&a) => {
                    known.insert(a, net.vectors(a));
                    net.learn(a, &change());
                }
                _ => {
                    net.deliver_one();
                }
            }
        }
        let late: Vec<u16> = (1..=7).filter(|node| !known.contains_key(node)).collect();
        for node in late {
            known.insert(node, net.vectors(node));
            net.learn(node, &change());
        }
        net.quiet_until("synced", A_MINUTE, |net| has_reported(net, 5));
        let (version, held) = &net.nodes[&5].reports[0];
        assert_eq!(*version, 2);
        // All that three of the four old replicas held when they learned of the change:
        // the third highest number of each origin.
        let mut acknowledged = PartitionVectors::new();
        for partition in (0..4).map(Partition) {
            for origin in (1..=7).map(origin) {
                let mut numbers: Vec<u64> =
                    (1..=4).map(|node| known[&node][&partition].get(&origin)).collect();
                numbers.sort_unstable();
                acknowledged.entry(partition).or_default().dots.insert(origin, numbers[1]);
            }
        }
        assert!(covers(held, &acknowledged), "seed {seed}: reported too early");
        assert!((1..=7).filter(|node| *node != 5).all(|node| !has_reported(&net, node)));
        net.quiet_until("complete", A_MINUTE, |net| net.have_all(&[1, 2, 5, 6, 7]));
    }
}

#[test]
fn nothing_is_reported_before_a_majority_knows_of_the_change() {
    let mut net = net_before_the_change(3);
    net.write(1, 0, 10);
    net.settle();
    net.learn(5, &change());
    let wait = |net: &mut Net, seconds: u32| {
        for _ in 0..seconds * 10 {
            net.settle();
            net.advance(Duration::from_millis(100));
        }
    };
    wait(&mut net, 20);
    net.learn(1, &change());
    net.learn(2, &change());
    wait(&mut net, 20);
    assert!(!has_reported(&net, 5), "two of four are no majority");
    net.learn(3, &change());
    wait(&mut net, 4);
    assert!(!has_reported(&net, 5), "a connected replica is waited for");
    wait(&mut net, 4);
    assert!(has_reported(&net, 5), "but not for ever");
    wait(&mut net, 10);
    assert!(net.nodes[&5].reports.len() > 1, "it is reported until the membership knows");
    let before = net.nodes[&5].reports.len();
    net.learn(5, &layout(2, &[&[1, 2, 5], &[6, 7]]));
    wait(&mut net, 10);
    assert_eq!(net.nodes[&5].reports.len(), before);
}

#[test]
fn another_change_begins_anew() {
    let mut net = net_before_the_change(3);
    for node in 1..=7 {
        net.learn(node, &change());
    }
    net.quiet_until("synced", A_MINUTE, |net| has_reported(net, 5));
    let again = layout(1, &[&[1, 2, 3, 4], &[6, 7]]).toward(layout(3, &[&[1, 5], &[6, 7]]));
    for node in (1..=7).filter(|node| *node != 3) {
        net.learn(node, &again);
    }
    net.nodes.get_mut(&5).unwrap().reports.clear();
    net.settle();
    assert!(!has_reported(&net, 5), "a point given for another layout counts for nothing");
    net.learn(3, &again);
    net.quiet_until("synced", A_MINUTE, |net| has_reported(net, 5));
    assert_eq!(net.nodes[&5].reports[0].0, 3);
}

#[test]
fn a_region_without_replicas_syncs_from_any_other() {
    let mut net = Net::new(4, &[3, 2, 1], &ReplicationConfig::default());
    let old: [&[u16]; 2] = [&[1, 2, 3], &[4, 5]];
    let next: [&[u16]; 3] = [&[1, 2, 3], &[4, 5], &[6]];
    let change = layout(1, &old).toward(layout(2, &next));
    for node in 1..=6 {
        net.learn(node, &layout(1, &old));
    }
    for (a, b) in net.pairs().into_iter().filter(|(a, b)| ![*a, *b].iter().any(|id| [4, 5].contains(id))) {
        net.connect(a, b);
    }
    for number in 0..40 {
        net.write(1 + number % 3, number % 4, 30);
    }
    net.settle();
    let written = net.vectors(1);
    for node in 1..=6 {
        net.learn(node, &change);
    }
    for _ in 0..100 {
        net.settle();
        net.advance(Duration::from_millis(100));
    }
    assert!(has_reported(&net, 6), "although r1 is cut off");
    assert!(covers(&net.nodes[&6].reports[0].1, &written));
}

#[test]
fn what_lies_beyond_a_hole_comes_by_transfer() {
    let mut net = Net::new(5, &[4], &ReplicationConfig::default());
    for node in 1..=4 {
        net.learn(node, &layout(1, &[&[1, 2, 3]]));
    }
    // Node 3 is dead for good: of what it wrote only the second entry ever left it.
    net.write(3, 0, 10);
    net.write(3, 0, 10);
    let second = net.nodes[&3].log.entry(Partition(0), origin(3), 2);
    for node in [1, 2] {
        net.nodes.get_mut(&node).unwrap().log.insert(second.clone());
    }
    for (a, b) in [(1, 2), (1, 4), (2, 4)] {
        net.connect(a, b);
    }
    for node in [1, 2, 4] {
        net.learn(node, &layout(1, &[&[1, 2, 3]]).toward(layout(2, &[&[1, 2, 4]])));
    }
    for _ in 0..300 {
        net.settle();
        net.advance(Duration::from_millis(100));
        if net.nodes[&4].transferred.len() == 2 {
            break;
        }
        assert!(!has_reported(&net, 4), "the entry may have been acknowledged");
    }
    for _ in 0..100 {
        net.settle();
        net.advance(Duration::from_millis(100));
    }
    assert!(has_reported(&net, 4));
    assert_eq!(net.nodes[&4].transferred, [(1, Partition(0)), (2, Partition(0))]);
}

#[test]
fn what_a_node_wrote_while_it_was_away_is_handed_over() {
    let mut net = net_before_the_change(6);
    for peer in [1, 2, 3, 5, 6, 7] {
        net.cut(4, peer);
    }
    net.write(4, 0, 10);
    let others = [1, 2, 3, 5, 6, 7];
    for node in others {
        net.learn(node, &change());
    }
    for _ in 0..50 {
        net.settle();
        net.advance(Duration::from_millis(100));
    }
    assert!(has_reported(&net, 5));
    let after = layout(2, &[&[1, 2, 5], &[6, 7]]);
    for node in 1..=7 {
        net.learn(node, &after);
    }
    assert!(!net.have_all(&[5]));
    net.quiet_until("handed over", A_MINUTE, |net| net.have_all(&[1, 2, 5, 6, 7]));
    net.settle();
    // Silent once all know that there is nothing left to hand over.
    let mut rng: StdRng = crate::env::SeedableRng::seed_from_u64(1);
    net.advance(Duration::from_secs(1));
    net.settle();
    let node = net.nodes.get_mut(&4).unwrap();
    let effects = node.core.handle(Event::Tick, at_wall(net.now + A_MINUTE), &node.log, &mut rng);
    let vectors = |effect: &Effect| matches!(effect, Effect::Send { message: Message::Vectors { .. }, .. });
    assert!(!effects.iter().any(vectors), "{effects:?}");
}

#[test]
fn a_point_is_reached_by_all_of_it() {
    let vector = |seqs: [u64; 2]| -> VersionVector {
        let mut vector = VersionVector::default();
        for (replica, seq) in (1..).zip(seqs) {
            let origin: Origin = origin(replica);
            vector.dots.insert(origin, seq);
        }
        vector
    };
    let point = vector([5, 3]);
    let mut point =
        Point { vector: point, reached: false, progress: 0, since: Duration::ZERO, transfer: false };
    point.advance(&vector([9, 2]), Duration::from_secs(1));
    assert!(!point.reached && point.since == Duration::from_secs(1));
    point.advance(&vector([99, 2]), Duration::from_secs(2));
    assert!(point.since == Duration::from_secs(1), "more of something else is no progress");
    point.advance(&vector([5, 3]), Duration::from_secs(3));
    assert!(point.reached);
}

#[test]
fn a_majority_of_one_group_is_enough() {
    let group = |ids: &[u16]| ids.iter().copied().map(ReplicaId).collect::<Vec<_>>();
    let reached = |ids: &[u16]| {
        let point = |reached| Point {
            vector: VersionVector::default(),
            reached,
            progress: 0,
            since: Duration::ZERO,
            transfer: false,
        };
        let points = ids.iter().map(|id| (ReplicaId(*id), point(true))).collect();
        let groups = vec![group(&[1, 2, 3]), group(&[4, 5])];
        Syncing { groups, points, enough_since: None, done: false }
    };
    let synced = |ids: &[u16]| reached(ids).is_enough(ReplicaId(9));
    assert!(!synced(&[1]) && synced(&[1, 2]) && !synced(&[4]) && synced(&[4, 5]));
    assert!(!synced(&[1, 4]), "two of different groups");
    assert!(reached(&[1]).is_enough(ReplicaId(2)), "it is one of them itself");
    let done = |connected, now| {
        let mut syncing = reached(&[1, 2]);
        syncing.enough_since = Some(Duration::ZERO);
        let is_connected = |peer| peer == ReplicaId(connected);
        syncing.is_done(ReplicaId(9), is_connected, Duration::from_secs(5), Duration::from_secs(now))
    };
    assert!(done(1, 0) && !done(3, 4) && done(3, 5));
}
