use std::time::Duration;

use super::super::harness::*;
use super::*;
use crate::env::Rng;
use crate::replication::config::ReplicationConfig;

const P: Partition = Partition(0);

/// Holds all of one origin's entries of every partition, up to a number.
struct Upto(u64);

impl Held for Upto {
    fn vector(&self, _: Partition) -> VersionVector {
        vector(self.0)
    }

    fn seen(&self, _: Partition) -> VersionVector {
        vector(self.0)
    }

    fn gaps(&self) -> Vec<crate::engine::Gap> {
        Vec::new()
    }

    fn holds_any(&self, _: crate::engine::Gap) -> bool {
        false
    }

    fn digest(&self, _: Partition) -> u128 {
        0
    }
}

fn vector(seq: u64) -> VersionVector {
    crdts::Dot::new(origin(2), seq).into()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Told {
    fn tell(&mut self, seq: u64, at_ms: u64, held: u64) {
        self.hear(PartitionVectors::from([(P, vector(seq))]));
        self.date(ms(at_ms), &Upto(held));
    }

    fn fresh(&self, held: u64) -> Option<u64> {
        self.as_of(P, &Upto(held)).map(|as_of| u64::try_from(as_of.as_millis()).unwrap())
    }
}

#[test]
fn what_is_told_counts_from_when_it_is_held() {
    let mut told = Told::default();
    assert_eq!(told.fresh(9), None, "never heard");
    told.hear(PartitionVectors::from([(P, vector(3))]));
    assert_eq!(told.fresh(9), None, "no heartbeat has said as of when");
    told.date(ms(100), &Upto(2));
    assert_eq!((told.fresh(2), told.fresh(3)), (None, Some(100)));
    told.tell(5, 200, 3);
    told.date(ms(300), &Upto(3));
    assert_eq!((told.fresh(3), told.fresh(4), told.fresh(5)), (Some(100), Some(100), Some(300)));
    told.date(ms(400), &Upto(5));
    assert_eq!(told.fresh(5), Some(400));
    assert_eq!(told.partitions[&P].awaited.len(), 0);
}

#[test]
fn a_partition_that_was_not_told_is_not_fresh() {
    let mut told = Told::default();
    told.date(ms(100), &Upto(0));
    assert_eq!(told.fresh(0), None);
    told.hear(PartitionVectors::from([(P, VersionVector::new())]));
    told.date(ms(200), &Upto(0));
    assert_eq!(told.fresh(0), Some(200), "it holds nothing, and has said so");
}

#[test]
fn a_new_link_begins_anew_but_what_was_fresh_stays_so() {
    let mut told = Told::default();
    told.tell(3, 100, 3);
    told.date(ms(200), &Upto(3));
    told.tell(9, 300, 3);
    told.begin_link(&Upto(3));
    assert_eq!((told.fresh(3), told.fresh(9)), (Some(200), Some(200)));
    told.date(ms(400), &Upto(9));
    assert_eq!(told.fresh(9), Some(200), "it has not told this partition on the new link");
    told.tell(4, 500, 9);
    assert_eq!(told.fresh(9), Some(500));
}

#[test]
fn what_is_awaited_is_bounded_and_the_figure_only_grows_by_it() {
    let mut told = Told::default();
    for number in 1..=50 {
        told.tell(number, number * 10, 0);
        assert!(told.partitions[&P].awaited.len() <= AWAITED_MAX);
    }
    assert_eq!((told.fresh(0), told.fresh(1), told.fresh(4)), (None, Some(10), Some(30)));
    assert_eq!((told.fresh(49), told.fresh(50)), (Some(30), Some(500)));
}

/// Every entry that a region's node held before the moment that a node claims to know is held there.
fn assert_true(net: &Net, at: u16, seed: u64) {
    let node = &net.nodes[&at];
    for number in 0..PARTITIONS {
        let partition = Partition(u16::try_from(number).unwrap());
        let fresh = node.core.fresh_as_of(partition, net.now, &node.log);
        let held = node.log.vector(partition);
        for ((holder, of, origin, seq), since) in &net.held_since {
            // One that was removed counts no more; what it wrote counts where it is held.
            let Some(region) = node.core.topology.region_of(ReplicaId(*holder)) else { continue };
            let is_claimed = *of == partition && fresh[region].is_some_and(|as_of| *since < as_of);
            let has = held.get(origin) >= *seq || net.held_since.contains_key(&(at, *of, *origin, *seq));
            assert!(!is_claimed || has, "seed {seed}: {at} claims {fresh:?} and lacks {origin:?} {seq}");
        }
    }
}

/// Invariant: the figure is never less than the truth, whatever is cut, late, or relayed.
#[test]
fn the_figure_is_never_less_than_the_truth() {
    for seed in 0..6 {
        let mut net = Net::new(seed, &[2, 2, 1], &ReplicationConfig::default());
        net.connect_all();
        let mut claimed = 0;
        for _ in 0..1_000 {
            let pairs = net.pairs();
            let (a, b) = pairs[net.rng.random_range(0..pairs.len())];
            match net.rng.random_range(0..100) {
                0..10 => {
                    let partition = net.rng.random_range(0..4);
                    net.write(a, partition, 10);
                }
                10..12 => net.cut(a, b),
                12..17 => net.connect(a, b),
                17..30 => net.advance(ms(70)),
                _ => {
                    for _ in 0..8 {
                        net.deliver_one();
                    }
                }
            }
            assert_true(&net, a, seed);
            let node = &net.nodes[&a];
            claimed +=
                usize::from(node.core.fresh_as_of(P, net.now, &node.log).values().all(Option::is_some));
        }
        assert!(claimed > 100, "seed {seed}: {claimed} claims are too few to mean anything");
        settle_and_look(&mut net);
    }
}

/// Quiet and connected, every node comes to know every other within two heartbeats and a bit.
fn settle_and_look(net: &mut Net) {
    let is_fresh = |net: &Net| {
        net.nodes.values().all(|node| {
            let fresh = node.core.fresh_as_of(P, net.now, &node.log);
            fresh.values().all(|as_of| as_of.is_some_and(|as_of| net.now - as_of <= ms(1_200)))
        })
    };
    net.quiet_until("fresh", Duration::from_secs(60), is_fresh);
}

#[test]
fn a_node_that_is_cut_off_grows_stale_and_its_neighbour_tells_what_it_wrote() {
    let mut net = Net::new(1, &[1, 2], &ReplicationConfig::default());
    net.quiet_until("converged", Duration::from_secs(60), |net| net.now > ms(3_000));
    let as_of = |net: &Net| net.nodes[&1].core.fresh_as_of(P, net.now, &net.nodes[&1].log)["r1"];
    let before = as_of(&net).unwrap();
    net.cut(1, 2);
    net.cut(1, 3);
    net.write(2, 0, 10);
    for _ in 0..30 {
        net.settle();
        net.advance(ms(100));
    }
    assert_eq!(as_of(&net), Some(before), "cut off, nothing new is known");
    // Node 2 is removed everywhere; only node 3 has what it wrote.
    net.cut(2, 3);
    net.remove(1, 2);
    net.remove(3, 2);
    assert_true(&net, 1, 0);
    net.connect(1, 3);
    for _ in 0..100 {
        net.deliver_one();
        net.advance(ms(10));
        assert_true(&net, 1, 0);
    }
}
