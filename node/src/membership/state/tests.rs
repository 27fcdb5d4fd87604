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

fn set_state(replica: u16, state: NodeState) -> Change {
    Change::SetState { replica: ReplicaId(replica), state }
}

fn synced(replica: u16, layout_version: u64) -> Change {
    Change::Synced { replica: ReplicaId(replica), layout_version }
}

/// With `eu-{id}` joined and active.
fn with_active(state: ClusterState, id: u16) -> ClusterState {
    let state = applied(state, Change::Join(candidate(&format!("eu-{id}"), "eu", id.into())));
    applied(state, Change::Activate { replica: ReplicaId(id) })
}

/// All that must sync say that they have.
fn settled(mut state: ClusterState) -> ClusterState {
    while let Some(next) = state.layout().next {
        let unsynced = next.unsynced.first().expect("a change that waits for nobody is over");
        state = applied(state, synced(unsynced.0, next.version));
    }
    state
}

fn versions(state: &ClusterState) -> (u64, Option<u64>) {
    let layout = state.layout();
    (layout.version, layout.next.map(|next| next.version))
}

fn readers(state: &ClusterState, partition: usize) -> Vec<u16> {
    let layout = state.layout();
    layout.partitions[partition].values().flatten().map(|replica| replica.0).collect()
}

#[test]
fn the_first_layout_serves_at_once() {
    assert_eq!(versions(&founded()), (1, None));
}

#[test]
fn a_new_node_serves_once_it_has_synced() {
    let joined = applied(founded(), Change::Join(candidate("us-1", "us", 2)));
    assert_eq!(versions(&joined), (1, None), "a joining node is in no layout");
    let active = applied(joined, Change::Activate { replica: ReplicaId(2) });
    assert_eq!(versions(&active), (1, Some(2)));
    let layout = active.layout();
    assert!(!layout.partitions[0].contains_key("us"));
    let partition = crate::session::Partition(0);
    assert_eq!(layout.write_replicas(partition).unwrap()["us"], [ReplicaId(2)]);
    assert_eq!(layout.next.unwrap().unsynced, BTreeSet::from([ReplicaId(2)]));
    let after = applied(active, synced(2, 2));
    assert_eq!(versions(&after), (2, None));
    assert_eq!(after.layout().partitions[0]["us"], [ReplicaId(2)]);
}

#[test]
fn a_report_on_an_older_layout_changes_nothing() {
    let changing = with_active(founded(), 2);
    assert_eq!(applied(changing.clone(), synced(2, 1)), changing);
    let again = with_active(changing.clone(), 3);
    assert_eq!(versions(&again), (1, Some(3)), "recomputed on the way");
    assert_eq!(applied(again.clone(), synced(2, 2)), again);
    assert_eq!(versions(&settled(again.clone())), (3, None));
    let unknown = Refusal::UnknownReplica { replica: ReplicaId(9) };
    assert_eq!(refusal(&again, synced(9, 3)), unknown);
}

#[test]
fn another_change_on_the_way_makes_all_report_again() {
    let changing = with_active(with_active(founded(), 2), 3);
    let reported = applied(changing, synced(2, 3));
    assert_eq!(reported.layout().next.unwrap().unsynced, BTreeSet::from([ReplicaId(3)]));
    let heavier = Change::SetAddress { replica: ReplicaId(2), address: "eu-2:7000".into(), weight: 5 };
    let recomputed = applied(reported, heavier);
    assert_eq!(versions(&recomputed), (1, Some(4)));
    assert_eq!(recomputed.layout().next.unwrap().unsynced, BTreeSet::from([ReplicaId(2), ReplicaId(3)]));
}

#[test]
fn an_address_moves_nothing() {
    let moved = Change::SetAddress { replica: ReplicaId(1), address: "elsewhere:1".to_owned(), weight: 1 };
    assert_eq!(versions(&applied(founded(), moved)), (1, None));
}

#[test]
fn a_change_taken_back_is_over() {
    let state = settled(with_active(with_active(founded(), 2), 3));
    let before = state.layout().partitions;
    let draining = applied(state, set_state(3, NodeState::Draining));
    assert!(draining.layout().next.is_some());
    let back = applied(draining, set_state(3, NodeState::Active));
    assert_eq!((back.serving.clone(), back.layout().partitions), (None, before));
}

#[test]
fn a_draining_node_serves_until_the_layout_without_it_has_synced() {
    let state = settled(with_active(with_active(founded(), 2), 3));
    let held = (0..16).find(|partition| readers(&state, *partition).contains(&3)).unwrap();
    let draining = applied(state, set_state(3, NodeState::Draining));
    assert!(readers(&draining, held).contains(&3));
    let after = settled(draining);
    assert!((0..16).all(|partition| !readers(&after, partition).contains(&3)));
}

#[test]
fn a_removed_node_serves_nothing_from_then_on() {
    let state = settled(with_active(with_active(founded(), 2), 3));
    let version = state.layout().version;
    let held = (0..16).find(|partition| readers(&state, *partition).contains(&3)).unwrap();
    let other = readers(&state, held).into_iter().find(|replica| *replica != 3).unwrap();
    let removed = applied(state, set_state(3, NodeState::Removed));
    assert_eq!(readers(&removed, held), [other]);
    assert_eq!(versions(&removed), (version + 1, Some(version + 2)), "clients learn that it is gone");
    assert_eq!(readers(&settled(removed), held).len(), 2);
}

#[test]
fn a_region_that_lost_its_replicas_is_served_by_others_until_it_has_synced() {
    let state = with_active(founded(), 2);
    let state = applied(state, Change::Join(candidate("us-1", "us", 3)));
    let state = settled(applied(state, Change::Activate { replica: ReplicaId(3) }));
    let state = applied(state, Change::Join(candidate("us-2", "us", 4)));
    let removed = applied(state, set_state(3, NodeState::Removed));
    assert!(removed.layout().partitions.iter().all(|regions| !regions.contains_key("us")));
    let active = applied(removed, Change::Activate { replica: ReplicaId(4) });
    assert!(active.layout().partitions.iter().all(|regions| regions["eu"].len() == 2));
    assert_eq!(active.layout().next.as_ref().unwrap().unsynced, BTreeSet::from([ReplicaId(4)]));
    assert!(settled(active).layout().partitions.iter().all(|regions| regions["us"] == [ReplicaId(4)]));
}

#[test]
fn a_state_of_before_two_phases_is_read() {
    let mut stored = serde_json::to_value(founded()).unwrap();
    stored.as_object_mut().unwrap().remove("serving").unwrap();
    assert_eq!(serde_json::from_value::<ClusterState>(stored).unwrap(), founded());
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
        3 => (1u32..5, 1u32..9).prop_map(|(name, store)| Change::Join(candidate(
            &format!("n-{name}"),
            if store % 3 == 0 { "us" } else { "eu" },
            store,
        ))),
        2 => (1u16..9).prop_map(|id| Change::Activate { replica: ReplicaId(id) }),
        4 => (1u16..9, 0u64..3).prop_map(|(id, behind)| Change::Synced {
            replica: ReplicaId(id),
            layout_version: behind,
        }),
        2 => (1u16..9, states).prop_map(|(id, state)| Change::SetState { replica: ReplicaId(id), state }),
    ]
}

/// Reports are generated by how many layouts they are behind the newest.
fn recent(state: &ClusterState, change: &Change) -> Change {
    match change {
        Change::Synced { replica, layout_version: behind } => {
            let layout_version = state.layout_version.saturating_sub(*behind);
            Change::Synced { replica: *replica, layout_version }
        }
        other => other.clone(),
    }
}

/// A partition keeps a reader while one of its readers lives, and only those become
/// readers that have said that they synced.
fn check_readers(before: &ClusterState, change: &Change, after: &ClusterState) -> Result<(), TestCaseError> {
    let (old, new) = (before.layout(), after.layout());
    prop_assert!(new.version >= old.version && new.newest_version() >= old.newest_version());
    prop_assert!(new.version > old.version || new.partitions == old.partitions);
    let mut reported = before.serving.as_ref().map(|serving| serving.synced.clone()).unwrap_or_default();
    if let Change::Synced { replica, layout_version } = change
        && *layout_version == before.layout_version
    {
        reported.insert(*replica);
    }
    let lives = |replica: &&ReplicaId| after.nodes[*replica].state != NodeState::Removed;
    for (old, new) in old.partitions.iter().zip(&new.partitions) {
        let surviving: BTreeSet<_> = old.values().flatten().filter(lives).collect();
        let readers: BTreeSet<_> = new.values().flatten().collect();
        prop_assert!(readers.iter().all(lives), "a removed node serves");
        if !surviving.is_empty() {
            prop_assert!(!readers.is_empty(), "{:?} left a partition without a reader", change);
            let unfounded = readers.difference(&surviving).find(|replica| !reported.contains(**replica));
            prop_assert_eq!(unfounded, None, "serves without having synced, after {:?}", change);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_history_keeps_the_rules(changes in prop::collection::vec(any_change(), 1..60)) {
        let mut state = founded();
        let mut owner: BTreeMap<ReplicaId, String> = BTreeMap::new();
        for change in &changes {
            let change = &recent(&state, change);
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
            check_readers(&before, change, &after)?;
            state = after;
        }
    }
}
