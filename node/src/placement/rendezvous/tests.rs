use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::session::Partition;

fn node(replica: u16, region: &str, weight: u32) -> LayoutNode {
    LayoutNode { replica: ReplicaId(replica), region: region.to_owned(), weight }
}

fn region_of(replicas: std::ops::Range<u16>, region: &str) -> Vec<LayoutNode> {
    replicas.map(|replica| node(replica, region, 1)).collect()
}

fn load(layout: &Layout, region: &str) -> BTreeMap<ReplicaId, usize> {
    let mut load = BTreeMap::new();
    for partition in layout.session_partitions() {
        for replica in &partition[region] {
            *load.entry(*replica).or_default() += 1;
        }
    }
    load
}

#[test]
fn the_logarithm_is_right() {
    for hash in [1, 2, 3, 1 << 20, u64::MAX / 3, u64::MAX / 2, u64::MAX - 5, 0x1234_5678_9abc_def0] {
        let exact = 64.0 - (hash as f64).log2();
        let ours = minus_log2(hash) as f64 / (1u64 << FRACTION_BITS) as f64;
        assert!((exact - ours).abs() < 1e-6, "{hash}: {ours} instead of {exact}");
    }
}

/// Layouts are compared between versions of this program: this one must never change.
#[test]
fn the_layout_is_pinned() {
    let layout = Layout::compute(1, 4, 2, &region_of(1..6, "eu"));
    let placed: Vec<Vec<u16>> =
        layout.session_partitions().map(|p| p["eu"].iter().map(|replica| replica.0).collect()).collect();
    assert_eq!(placed, PINNED);
}

const PINNED: [[u16; 2]; 4] = [[1, 3], [5, 4], [5, 3], [1, 5]];

#[test]
fn equal_nodes_share_evenly() {
    let load = load(&Layout::compute(1, 4096, 3, &region_of(1..9, "eu")), "eu");
    let fair = 4096.0 * 3.0 / 8.0;
    for (replica, partitions) in load {
        let ratio = partitions as f64 / fair;
        assert!((0.9..1.1).contains(&ratio), "replica {replica} has {ratio} of its share");
    }
}

#[test]
fn a_first_choice_falls_by_weight() {
    let nodes = [node(1, "eu", 1), node(2, "eu", 2), node(3, "eu", 5)];
    let load = load(&Layout::compute(1, 8192, 1, &nodes), "eu");
    for (replica, share) in [(1, 1.0), (2, 2.0), (3, 5.0)] {
        let ratio = load[&ReplicaId(replica)] as f64 / (8192.0 * share / 8.0);
        assert!((0.9..1.1).contains(&ratio), "replica {replica} has {ratio} of its share");
    }
}

fn any_nodes() -> impl Strategy<Value = Vec<LayoutNode>> {
    prop::collection::btree_map(1u16..60, (0usize..3, 1u32..5), 1..20).prop_map(|nodes| {
        let regions = ["ap", "eu", "us"];
        nodes.into_iter().map(|(replica, (region, weight))| node(replica, regions[region], weight)).collect()
    })
}

proptest! {
    #[test]
    fn each_region_has_its_distinct_replicas(nodes in any_nodes(), replicas in 1u32..6) {
        let layout = Layout::compute(1, 64, replicas, &nodes);
        prop_assert_eq!(layout.partitions.len(), 65);
        for replicas in layout.read_replicas(Partition::global(64)).unwrap().values() {
            prop_assert!(nodes.iter().all(|n| layout.partitions[64][&n.region].contains(&n.replica)));
            prop_assert!(!replicas.is_empty());
        }
        for partition in layout.session_partitions() {
            for (region, placed) in partition {
                let there: BTreeSet<_> =
                    nodes.iter().filter(|n| n.region == *region).map(|n| n.replica).collect();
                prop_assert_eq!(placed.len(), there.len().min(replicas as usize));
                prop_assert_eq!(placed.iter().collect::<BTreeSet<_>>().len(), placed.len());
                prop_assert!(placed.iter().all(|replica| there.contains(replica)));
            }
        }
    }

    #[test]
    fn the_order_of_nodes_does_not_matter(nodes in any_nodes().prop_shuffle()) {
        let mut sorted = nodes.clone();
        sorted.sort_by_key(|node| node.replica);
        prop_assert_eq!(Layout::compute(1, 32, 3, &nodes), Layout::compute(1, 32, 3, &sorted));
    }

    #[test]
    fn a_leaver_moves_only_what_it_held(nodes in any_nodes(), leaver in any::<prop::sample::Index>()) {
        let gone = nodes[leaver.index(nodes.len())].replica;
        let rest: Vec<_> = nodes.iter().filter(|node| node.replica != gone).cloned().collect();
        let (before, after) = (Layout::compute(1, 64, 3, &nodes), Layout::compute(2, 64, 3, &rest));
        for (old, new) in before.partitions.iter().zip(&after.partitions) {
            for (region, replicas) in old {
                let kept: Vec<_> = replicas.iter().copied().filter(|replica| *replica != gone).collect();
                let now = new.get(region).cloned().unwrap_or_default();
                prop_assert_eq!(&now[..kept.len()], &kept[..]);
                if kept.len() == replicas.len() {
                    prop_assert_eq!(now, kept);
                }
            }
        }
    }
}
