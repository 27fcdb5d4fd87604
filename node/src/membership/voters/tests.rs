use proptest::prelude::*;

use super::*;

fn nodes(regions: &[&str]) -> BTreeMap<ReplicaId, Node> {
    (1u16..).zip(regions).map(|(id, region)| (ReplicaId(id), node(id, region))).collect()
}

fn node(id: u16, region: &str) -> Node {
    Node {
        replica: ReplicaId(id),
        name: format!("n-{id}"),
        region: region.to_owned(),
        address: format!("n-{id}:7000"),
        weight: 1,
        state: NodeState::Active,
        store_id: format!("{id:032x}"),
    }
}

fn chosen(regions: &[&str], voters_max: u32) -> Vec<u16> {
    desired_voters(&nodes(regions), voters_max).into_iter().map(|id| id.0).collect()
}

#[test]
fn regions_take_turns() {
    assert_eq!(chosen(&["eu", "eu", "eu", "us", "us", "ap"], 3), [1, 4, 6]);
    assert_eq!(chosen(&["eu", "eu", "eu", "us", "us", "ap"], 5), [1, 2, 4, 5, 6]);
}

#[test]
fn the_number_is_odd() {
    assert_eq!(chosen(&["eu"], 5), [1]);
    assert_eq!(chosen(&["eu", "us"], 5), [1]);
    assert_eq!(chosen(&["eu", "us", "ap", "eu"], 5).len(), 3);
    assert_eq!(chosen(&[], 5), Vec::<u16>::new());
}

#[test]
fn only_active_nodes_vote() {
    let mut nodes = nodes(&["eu", "us", "ap", "eu"]);
    for state in [NodeState::Joining, NodeState::Draining, NodeState::Removed] {
        nodes.insert(ReplicaId(2), Node { state, ..node(2, "us") });
        assert!(!desired_voters(&nodes, 5).contains(&ReplicaId(2)));
    }
}

proptest! {
    #[test]
    fn voters_are_odd_few_and_spread(
        regions in prop::collection::vec(prop::sample::select(vec!["ap", "eu", "us", "sa"]), 1..20),
        voters_max in prop::sample::select(vec![1u32, 3, 5, 7]),
    ) {
        let nodes = nodes(&regions);
        let voters = desired_voters(&nodes, voters_max);
        prop_assert_eq!(voters.len() % 2, 1);
        prop_assert!(voters.len() <= voters_max as usize);
        let count = |region: &str| voters.iter().filter(|id| nodes[id].region == region).count();
        for region in &regions {
            let size = regions.iter().filter(|other| *other == region).count();
            let most = regions.iter().map(|other| count(other)).max().unwrap_or(0);
            prop_assert!(count(region) + 1 >= most.min(size), "{} is short", region);
        }
    }

    #[test]
    fn a_newcomer_displaces_at_most_one(
        mut regions in prop::collection::vec(prop::sample::select(vec!["ap", "eu", "us"]), 5..20),
        newcomer in any::<prop::sample::Index>(),
    ) {
        let before = desired_voters(&nodes(&regions), 3);
        regions.push(regions[newcomer.index(regions.len())]);
        let after = desired_voters(&nodes(&regions), 3);
        prop_assert!(before.difference(&after).count() <= 1, "{:?} became {:?}", before, after);
    }
}
