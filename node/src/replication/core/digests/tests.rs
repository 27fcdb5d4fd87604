use std::time::Duration;

use crate::replication::ReplicationConfig;
use crate::replication::core::Held;
use crate::replication::core::harness::*;
use crate::session::Partition;

const A_MINUTE: Duration = Duration::from_secs(60);

fn quiet_net() -> Net {
    let mut net = Net::new(7, &[3, 2], &ReplicationConfig::default());
    net.connect_all();
    for number in 0..20 {
        net.write(1 + number % 5, number % 4, 30);
    }
    net.converge(A_MINUTE);
    net
}

fn is_equal(net: &Net) -> bool {
    (0..4).map(Partition).all(|partition| {
        let mut digests = net.nodes.values().map(|node| node.log.digest(partition));
        let first = digests.next();
        digests.all(|digest| Some(digest) == first)
    })
}

fn transfers(net: &Net) -> usize {
    net.nodes.values().map(|node| node.transferred.len()).sum()
}

#[test]
fn what_no_entry_brings_comes_to_all_and_then_there_is_silence() {
    let mut net = quiet_net();
    net.nodes.get_mut(&2).unwrap().log.learn_without_entry(Partition(1), 3);
    net.nodes.get_mut(&5).unwrap().log.learn_without_entry(Partition(1), 4);
    assert!(!is_equal(&net));
    net.quiet_until("repaired", A_MINUTE, is_equal);
    let spent = transfers(&net);
    assert!(net.nodes.values().flat_map(|node| &node.transferred).all(|(_, of)| *of == Partition(1)));
    net.run_for(A_MINUTE * 10);
    assert_eq!(transfers(&net), spent, "nothing differs any more");
}

#[test]
fn what_is_equal_is_not_transferred() {
    let mut net = quiet_net();
    net.run_for(A_MINUTE * 10);
    assert_eq!(transfers(&net), 0);
}

#[test]
fn a_difference_that_passes_is_left_alone() {
    let mut net = quiet_net();
    for _ in 0..40 {
        net.nodes.get_mut(&2).unwrap().log.learn_without_entry(Partition(1), 3);
        net.run_for(Duration::from_secs(2));
        net.nodes.get_mut(&2).unwrap().log.forget_without_entry(Partition(1), 3);
        net.run_for(Duration::from_secs(4));
    }
    assert_eq!(transfers(&net), 0);
}

#[test]
fn a_difference_that_no_transfer_mends_costs_less_and_less() {
    let mut net = quiet_net();
    net.nodes.get_mut(&2).unwrap().log.refuses = Some(Partition(1));
    net.nodes.get_mut(&1).unwrap().log.learn_without_entry(Partition(1), 3);
    let mut spent = Vec::new();
    for _ in 0..3 {
        let before = net.nodes[&2].transferred.len();
        net.run_for(A_MINUTE * 20);
        spent.push(net.nodes[&2].transferred.len() - before);
    }
    assert!(spent[0] >= 2, "it is tried again: {spent:?}");
    assert!(spent[0] <= 12 && spent[2] <= 1, "but ever more seldom: {spent:?}");
}
