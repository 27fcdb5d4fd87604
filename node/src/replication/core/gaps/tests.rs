use super::super::Held;
use super::super::harness::*;
use super::*;
use crate::replication::ReplicationConfig;
use crate::session::Partition;

const WITHIN: Duration = Duration::from_secs(60);

/// Two regions of two nodes. Node 1 has written three entries: the first went to
/// `first_to`, the second to nobody, the third to node 2; then node 1 died.
fn after_a_loss(first_to: u16) -> Net {
    let mut net = Net::new(1, &[2, 2], &ReplicationConfig::default());
    net.connect_all();
    net.settle();
    for other in 2..=4 {
        net.cut(1, other);
    }
    for _ in 0..3 {
        net.write(1, 0, 10);
    }
    let entry = |net: &Net, seq| net.nodes[&1].log.entry(Partition(0), origin(1), seq);
    let (first, third) = (entry(&net, 1), entry(&net, 3));
    net.nodes.get_mut(&first_to).unwrap().log.insert(first);
    net.nodes.get_mut(&2).unwrap().log.insert(third);
    net
}

fn run(net: &mut Net, until: Duration) {
    let end = net.now + until;
    while net.now < end {
        for (a, b) in [(2, 3), (2, 4), (3, 4)] {
            net.connect(a, b);
        }
        net.settle();
        net.advance(Duration::from_millis(100));
    }
}

fn held(net: &Net, at: u16) -> u64 {
    net.nodes[&at].log.vector(Partition(0)).get(&origin(1))
}

#[test]
fn what_died_with_its_writer_is_passed_over_once_the_writer_is_removed() {
    for first_to in 2..=4 {
        let mut net = after_a_loss(first_to);
        run(&mut net, WITHIN);
        assert_eq!(held(&net, 2), 1, "the writer is a member, and may still hold it");
        for node in 2..=4 {
            net.remove(node, 1);
        }
        run(&mut net, WITHIN);
        for node in 2..=4 {
            assert_eq!(held(&net, node), 3, "{node}");
            assert!(net.nodes[&node].log.holds_any(Gap {
                partition: Partition(0),
                origin: origin(1),
                first: 3,
                last: 3
            }));
        }
    }
}

#[test]
fn a_gap_that_a_member_can_fill_is_filled() {
    let mut net = after_a_loss(2);
    run(&mut net, WITHIN);
    assert_eq!(held(&net, 2), 1);
    net.converge(WITHIN);
}
