//! Tests of where calls go.

use sojourn_proto::cluster::v1::{Layout, Member, PartitionReplicas};

use super::place::partition;
use super::*;

/// Two nodes in eu (1, 2), two in us (3, 4), one in ap (5); all but 2 and 4 hold the one partition.
fn table(region: &str) -> Table {
    let nodes = [(1, "eu"), (2, "eu"), (3, "us"), (4, "us"), (5, "ap")].map(|(replica_id, region)| Member {
        replica_id,
        region: region.into(),
        ..Member::default()
    });
    let partitions = vec![PartitionReplicas { replica_ids: vec![3, 1, 5] }];
    let layout =
        Layout { version: 1, partition_count: 1, nodes: nodes.into(), partitions, ..Layout::default() };
    Table::new(&layout, region)
}

fn order(region: &str, place: Place, spread: usize) -> Vec<usize> {
    // Indexes count from 0, replica ids here from 1.
    table(region).order(place, spread).map(|index| index + 1).collect()
}

#[test]
fn own_replicas_then_own_nodes_then_replicas_elsewhere_then_the_rest() {
    assert_eq!(order("eu", Place::Leading(0), 0), [1, 2, 3, 5, 4]);
    assert_eq!(order("us", Place::Leading(9), 0), [3, 4, 1, 5, 2]);
    assert_eq!(order("nowhere", Place::Leading(0), 0), [3, 1, 5, 2, 4]);
}

#[test]
fn a_call_without_a_place_is_spread_over_the_own_region() {
    assert_eq!(order("eu", Place::Anywhere, 0)[..2], [1, 2]);
    assert_eq!(order("eu", Place::Anywhere, 1)[..2], [2, 1]);
    assert_eq!(order("eu", Place::Anywhere, usize::MAX).len(), 5);
}

#[test]
fn failures_rotate_through_all_nodes() {
    let (table, place) = (table("eu"), Place::Leading(0));
    let mut tried = Vec::new();
    while tried.len() < 5 {
        tried.push(table.choose(place, 0, &tried, |_| true).unwrap());
    }
    assert_eq!(tried, [0, 1, 2, 4, 3]);
    assert_eq!(table.choose(place, 0, &tried, |_| true), Some(0), "all tried: the best again");
}

#[test]
fn nodes_thought_to_be_down_come_last() {
    let (table, place) = (table("eu"), Place::Leading(0));
    assert_eq!(table.choose(place, 0, &[], |index| index > 1), Some(2));
    assert_eq!(table.choose(place, 0, &[], |_| false), Some(0), "an opinion never stops a call");
    assert_eq!(Table::default().choose(place, 0, &[], |_| true), None);
}

#[test]
fn the_partition_is_the_leading_bits() {
    assert_eq!(partition(0, 256), 0);
    assert_eq!(partition(0xffff, 256), 255);
    assert_eq!(partition(0x1200, 256), 0x12);
    assert_eq!(partition(0xffff, 65_536), 65_535);
    assert_eq!(partition(0xffff, 0), 0);
}

/// A vector of proto/README.md's formula.
#[test]
fn the_locator_never_changes() {
    assert_eq!(Place::of("shop", "abc"), Place::Leading(60_299));
    assert_eq!(
        Place::of("shop", "abc~AAAA"),
        Place::of("shop", "abc"),
        "a rotation leaves a session where it is"
    );
    assert_ne!(Place::of("sho", "pabc"), Place::Leading(60_299), "namespace and id are kept apart");
}

/// The node's own derivation must agree, or calls take a detour.
#[cfg(feature = "cli")]
#[test]
fn the_node_finds_the_same_partition() {
    use sojourn_node::session::Key;
    for number in 0..1_000 {
        let id = format!("session-{number}");
        let Place::Leading(leading) = Place::of("shop", &id) else { panic!() };
        let key = Key::derive(&[7; 32], "shop", &id);
        assert_eq!(usize::from(key.partition(256).0), partition(leading, 256));
        assert_eq!(key.0[..2], leading.to_be_bytes());
    }
}
