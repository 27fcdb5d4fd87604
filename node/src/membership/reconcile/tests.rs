use super::*;

fn node(id: u16, state: NodeState) -> (ReplicaId, Node) {
    let node = Node {
        replica: ReplicaId(id),
        name: format!("n-{id}"),
        region: format!("r-{id}"),
        address: format!("n-{id}:7000"),
        weight: 1,
        state,
        store_id: format!("{id:032x}"),
    };
    (node.replica, node)
}

fn ids(ids: &[u16]) -> BTreeSet<ReplicaId> {
    ids.iter().copied().map(ReplicaId).collect()
}

fn step(nodes: &[(u16, NodeState)], voters: &[u16], learners: &[u16], caught_up: &[u16]) -> Option<Step> {
    let nodes = nodes.iter().map(|(id, state)| node(*id, *state)).collect();
    let voters = voters.iter().map(|id| (ReplicaId(*id), true));
    let members = voters.chain(learners.iter().map(|id| (ReplicaId(*id), false))).collect();
    next_step(&Situation {
        founded: true,
        nodes: &nodes,
        members: &members,
        caught_up: &ids(caught_up),
        voters_max: 3,
    })
}

use NodeState::{Active, Joining, Removed};

#[test]
fn a_joining_node_learns_then_becomes_active() {
    let nodes = [(1, Active), (2, Joining)];
    assert_eq!(step(&nodes, &[1], &[], &[1]), Some(Step::AddLearner(ReplicaId(2))));
    assert_eq!(step(&nodes, &[1], &[2], &[1]), None);
    assert_eq!(step(&nodes, &[1], &[2], &[1, 2]), Some(Step::Activate(ReplicaId(2))));
}

#[test]
fn voters_change_only_to_nodes_that_answer() {
    let nodes = [(1, Active), (2, Active), (3, Active)];
    assert_eq!(step(&nodes, &[1], &[2, 3], &[1, 2]), None);
    assert_eq!(step(&nodes, &[1], &[2, 3], &[1, 2, 3]), Some(Step::SetVoters(ids(&[1, 2, 3]))));
    assert_eq!(step(&nodes, &[1, 2, 3], &[], &[1, 2, 3]), None);
}

#[test]
fn a_removed_node_stops_voting_and_is_forgotten_once_it_knows() {
    let nodes = [(1, Active), (2, Active), (3, Active), (4, Removed)];
    assert_eq!(step(&nodes, &[1, 2, 4], &[3], &[1, 2, 3]), Some(Step::SetVoters(ids(&[1, 2, 3]))));
    assert_eq!(step(&nodes, &[1, 2, 3], &[4], &[1, 2, 3]), None);
    assert_eq!(step(&nodes, &[1, 2, 3], &[4], &[1, 2, 3, 4]), Some(Step::Forget(ReplicaId(4))));
}
