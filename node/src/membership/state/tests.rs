use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn candidate(name: &str, region: &str, store: u32) -> Candidate {
    Candidate {
        name: name.to_owned(),
        region: region.to_owned(),
        address: format!("{name}:7000"),
        weight: 1,
        store_id: format!("{store:032x}"),
    }
}

fn found(node: Candidate) -> Change {
    Change::Found { cluster_id: "dev".to_owned(), partition_count: 16, replicas_per_region: 2, node }
}

fn founded() -> ClusterState {
    ClusterState::default().apply(&found(candidate("eu-1", "eu", 1))).0
}

fn applied(state: ClusterState, change: Change) -> ClusterState {
    let (state, outcome) = state.apply(&change);
    assert!(!matches!(outcome, ChangeOutcome::Refused(_)), "{change:?}: {outcome:?}");
    state
}

fn refusal(state: &ClusterState, change: Change) -> Refusal {
    let (after, outcome) = state.clone().apply(&change);
    assert_eq!(after, *state, "a refusal changes nothing");
    match outcome {
        ChangeOutcome::Refused(refusal) => refusal,
        other => panic!("{change:?} was not refused: {other:?}"),
    }
}

#[test]
fn the_first_node_is_active_with_id_1() {
    let state = founded();
    assert_eq!(state.nodes[&ReplicaId(1)].state, NodeState::Active);
    assert_eq!(state.layout().partitions[3]["eu"], [ReplicaId(1)]);
}

#[test]
fn a_cluster_is_founded_once() {
    let again = found(candidate("eu-1", "eu", 1));
    assert_eq!(founded().apply(&again), (founded(), ChangeOutcome::Joined { replica: ReplicaId(1) }));
    let other = refusal(&founded(), found(candidate("eu-1", "eu", 2)));
    assert_eq!(other, Refusal::AlreadyFounded { cluster_id: "dev".to_owned() });
    let early = refusal(&ClusterState::default(), Change::Join(candidate("eu-2", "eu", 2)));
    assert_eq!(early, Refusal::NotFounded);
}

#[test]
fn joining_twice_gives_the_same_id_and_the_newer_address() {
    let mut moved = candidate("eu-2", "eu", 2);
    let state = applied(founded(), Change::Join(moved.clone()));
    moved.address = "elsewhere:7000".to_owned();
    let (state, outcome) = state.apply(&Change::Join(moved));
    assert_eq!(outcome, ChangeOutcome::Joined { replica: ReplicaId(2) });
    assert_eq!((state.nodes.len(), &*state.nodes[&ReplicaId(2)].address), (2, "elsewhere:7000"));
}

#[test]
fn a_name_belongs_to_one_disk_and_a_disk_to_one_name() {
    let taken = refusal(&founded(), Change::Join(candidate("eu-1", "eu", 2)));
    assert_eq!(taken, Refusal::NameTaken { name: "eu-1".to_owned(), replica: ReplicaId(1) });
    let cloned = refusal(&founded(), Change::Join(candidate("eu-2", "eu", 1)));
    assert!(matches!(cloned, Refusal::DiskTaken { replica: ReplicaId(1), .. }));
}

#[test]
fn a_removed_id_never_comes_back() {
    let state = applied(founded(), Change::Join(candidate("eu-2", "eu", 2)));
    let state = applied(state, Change::SetState { replica: ReplicaId(2), state: NodeState::Removed });
    let removed = Refusal::Removed { replica: ReplicaId(2) };
    assert_eq!(refusal(&state, Change::Join(candidate("eu-2", "eu", 2))), removed);
    assert_eq!(refusal(&state, Change::Activate { replica: ReplicaId(2) }), removed);
    let back = Change::SetState { replica: ReplicaId(2), state: NodeState::Active };
    assert_eq!(refusal(&state, back), removed);
    let (_, outcome) = state.apply(&Change::Join(candidate("eu-2", "eu", 3)));
    assert_eq!(outcome, ChangeOutcome::Joined { replica: ReplicaId(3) });
}

#[test]
fn ids_run_out_in_place_of_wrapping() {
    let mut state = founded();
    state.last_replica_id = ReplicaId(u16::MAX);
    assert_eq!(refusal(&state, Change::Join(candidate("eu-2", "eu", 2))), Refusal::IdsExhausted);
}

#[test]
fn the_last_active_node_stays() {
    for to in [NodeState::Draining, NodeState::Removed] {
        let change = Change::SetState { replica: ReplicaId(1), state: to };
        assert_eq!(refusal(&founded(), change), Refusal::LastActive { replica: ReplicaId(1) });
    }
}

#[test]
fn the_layout_version_follows_the_active_nodes() {
    let joined = applied(founded(), Change::Join(candidate("us-1", "us", 2)));
    assert_eq!((founded().layout_version, joined.layout_version), (1, 1));
    let active = applied(joined, Change::Activate { replica: ReplicaId(2) });
    assert_eq!(active.layout_version, 2);
    assert_eq!(active.layout().partitions[0]["us"], [ReplicaId(2)]);
    let moved = Change::SetAddress { replica: ReplicaId(2), address: "elsewhere:1".to_owned(), weight: 1 };
    let moved = applied(active, moved);
    assert_eq!(moved.layout_version, 2);
    let drained = applied(moved, Change::SetState { replica: ReplicaId(2), state: NodeState::Draining });
    assert_eq!(drained.layout_version, 3);
    assert!(!drained.layout().partitions[0].contains_key("us"));
}

#[test]
fn values_out_of_bounds_are_refused() {
    let mut heavy = candidate("eu-2", "eu", 2);
    heavy.weight = WEIGHT_MAX + 1;
    let refused = [heavy, candidate("", "eu", 2), candidate(&"n".repeat(256), "eu", 2)];
    for candidate in refused {
        assert!(matches!(refusal(&founded(), Change::Join(candidate)), Refusal::Invalid { .. }));
    }
}

fn any_change() -> impl Strategy<Value = Change> {
    let states = prop_oneof![
        Just(NodeState::Joining),
        Just(NodeState::Active),
        Just(NodeState::Draining),
        Just(NodeState::Removed)
    ];
    prop_oneof![
        3 => (1u32..5, 1u32..9).prop_map(|(name, store)| Change::Join(candidate(&format!("n-{name}"), "eu", store))),
        2 => (1u16..9).prop_map(|id| Change::Activate { replica: ReplicaId(id) }),
        2 => (1u16..9, states).prop_map(|(id, state)| Change::SetState { replica: ReplicaId(id), state }),
    ]
}

proptest! {
    #[test]
    fn any_history_keeps_the_rules(changes in prop::collection::vec(any_change(), 1..60)) {
        let mut state = founded();
        let mut owner: BTreeMap<ReplicaId, String> = BTreeMap::new();
        for change in &changes {
            let before = state.clone();
            let (after, outcome) = state.apply(change);
            let (again, repeated) = after.clone().apply(change);
            prop_assert_eq!(&again, &after, "repeating {:?} changed something", change);
            prop_assert_eq!(repeated, outcome);
            for node in after.nodes.values() {
                let store = owner.entry(node.replica).or_insert_with(|| node.store_id.clone());
                prop_assert_eq!(store, &node.store_id, "an id went to another disk");
                let was = before.nodes.get(&node.replica).map(|node| node.state);
                prop_assert!(was != Some(NodeState::Removed) || node.state == NodeState::Removed);
            }
            let living: Vec<_> = after.nodes.values().filter(|n| n.state != NodeState::Removed).collect();
            let names: BTreeSet<_> = living.iter().map(|node| &node.name).collect();
            prop_assert_eq!(names.len(), living.len(), "a name is borne twice");
            prop_assert!(living.iter().any(|node| node.state == NodeState::Active));
            state = after;
        }
    }
}
