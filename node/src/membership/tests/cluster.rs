use std::collections::BTreeSet;
use std::sync::Arc;

use super::harness::{Machine, Switchboard};
use crate::membership::raft_types::RaftMetrics;
use crate::membership::*;
use crate::session::ReplicaId;
use crate::store::{Batch, Store, Tree};

const PLACES: [(&str, &str); 5] =
    [("eu-1", "eu"), ("us-1", "us"), ("ap-1", "ap"), ("eu-2", "eu"), ("us-2", "us")];

fn active(view: &Membership) -> usize {
    view.nodes.values().filter(|node| node.state == NodeState::Active).count()
}

async fn cluster(size: usize, voters_max: u32) -> Vec<Machine> {
    let board = Arc::new(Switchboard::default());
    let mut machines: Vec<Machine> =
        PLACES[..size].iter().map(|(name, region)| Machine::new(&board, name, region)).collect();
    for machine in &mut machines {
        machine.config.voters_max = voters_max;
        machine.start().await.unwrap();
    }
    let voters = size.min(voters_max as usize);
    for machine in &machines {
        machine.until("complete", |view| active(view) == size && view.voters.len() == voters).await;
        // In a joint configuration, losing one node may cost both majorities.
        let mut metrics = machine.members().core.raft.metrics();
        let uniform = |now: &RaftMetrics| now.membership_config.membership().get_joint_config().len() == 1;
        metrics.wait_for(uniform).await.unwrap();
    }
    machines
}

fn leader_of(machines: &[Machine]) -> usize {
    let leader = machines[0].members().current().leader.unwrap();
    machines.iter().position(|machine| machine.members().replica_id() == leader).unwrap()
}

#[tokio::test(start_paused = true)]
async fn five_nodes_join_and_agree() {
    let machines = cluster(5, 5).await;
    let first = machines[0].members().current();
    let ids: BTreeSet<u16> = machines.iter().map(|machine| machine.members().replica_id().0).collect();
    assert_eq!(ids, BTreeSet::from([1, 2, 3, 4, 5]));
    for machine in &machines {
        let view = machine.until("as new as the first", |view| view.epoch >= first.epoch).await;
        assert_eq!((&view.nodes, &view.layout), (&first.nodes, &first.layout));
    }
}

#[tokio::test(start_paused = true)]
async fn voters_are_spread_over_regions() {
    let machines = cluster(5, 3).await;
    let view = machines[4].members().current();
    let regions: BTreeSet<_> = view.voters.iter().map(|id| view.nodes[id].region.clone()).collect();
    assert_eq!(regions.len(), 3, "{:?}", view.voters);
}

#[tokio::test(start_paused = true)]
async fn another_leader_follows_and_the_old_one_comes_back() {
    let mut machines = cluster(5, 5).await;
    let old = leader_of(&machines);
    let term = machines[old].members().current().term;
    machines[old].stop().await;
    let rest: Vec<usize> = (0..5).filter(|index| *index != old).collect();
    for index in &rest {
        let newer = |view: &Membership| view.term > term && view.leader.is_some();
        machines[*index].until("led anew", newer).await;
    }
    let drained = machines[rest[0]].members().replica_id();
    let drain = Change::SetState { replica: drained, state: NodeState::Draining };
    machines[rest[1]].members().propose(&drain).await.unwrap();
    let id = machines[old].local.name.clone();
    machines[old].local.advertise = format!("{id}-moved:7000");
    machines[old].start().await.unwrap();
    let known = |view: &Membership| view.nodes[&drained].state == NodeState::Draining;
    machines[old].until("up to date", known).await;
    let moved =
        |view: &Membership| view.nodes.values().any(|node| node.address == format!("{id}-moved:7000"));
    machines[rest[2]].until("aware of the new address", moved).await;
}

#[tokio::test(start_paused = true)]
async fn all_nodes_come_back_from_disk() {
    let mut machines = cluster(5, 5).await;
    let before = machines[0].members().current();
    for machine in &mut machines {
        machine.stop().await;
        machine.disk.crash(crate::store::Crash::Clean);
    }
    for machine in &mut machines {
        machine.start().await.unwrap();
        assert_eq!(active(&machine.members().current()), 5, "the disk knows the cluster before any leader");
    }
    for machine in &machines {
        let view = machine.until("led", |view| view.leader.is_some() && view.epoch > before.epoch).await;
        assert_eq!((&view.nodes, &view.layout), (&before.nodes, &before.layout));
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_longer_than_its_bound_reaches_newcomers_as_a_snapshot() {
    let mut machines = cluster(3, 3).await;
    let drain = |state| Change::SetState { replica: ReplicaId(2), state };
    for _ in 0..100 {
        machines[2].members().propose(&drain(NodeState::Draining)).await.unwrap();
        machines[2].members().propose(&drain(NodeState::Active)).await.unwrap();
    }
    let mut late = Machine::new(&machines[0].board, "eu-2", "eu");
    late.start().await.unwrap();
    late.until("active", |view| active(view) == 4 && view.leader.is_some()).await;
    machines[2].stop().await;
    machines[2].start().await.unwrap();
    machines[2].until("back", |view| active(view) == 4 && view.leader.is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_is_taken_by_its_disk() {
    let machines = cluster(3, 3).await;
    let mut thief = Machine::new(&machines[0].board, "ap-1", "ap");
    let refused = thief.start().await.unwrap_err().to_string();
    assert!(refused.contains("\"ap-1\" belongs to replica 3"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_bootstrap_disk_does_not_found_a_second_cluster() {
    let mut machines = cluster(3, 3).await;
    machines[0].stop().await;
    let mut wiped = Machine::new(&machines[0].board, "eu-1", "eu");
    let refused = wiped.start().await.unwrap_err().to_string();
    assert!(refused.contains("\"eu-1\" belongs to replica 1"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn another_cluster_is_refused() {
    let machines = cluster(1, 1).await;
    let mut stranger = Machine::new(&machines[0].board, "eu-2", "eu");
    stranger.local.cluster_id = "prod".to_owned();
    let refused = stranger.start().await.unwrap_err();
    assert!(matches!(refused, MembershipError::WrongCluster { .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_disk_of_another_cluster_or_node_is_refused() {
    let mut machines = cluster(1, 1).await;
    machines[0].stop().await;
    machines[0].local.cluster_id = "prod".to_owned();
    let refused = machines[0].start().await.unwrap_err();
    assert!(matches!(refused, MembershipError::ForeignDisk { what: "cluster", .. }), "{refused}");
    machines[0].local.cluster_id = "dev".to_owned();
    machines[0].local.name = "eu-9".to_owned();
    let refused = machines[0].start().await.unwrap_err();
    assert!(matches!(refused, MembershipError::ForeignDisk { what: "node", .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_removed_node_is_told_and_its_id_never_used_again() {
    let mut machines = cluster(5, 5).await;
    let gone = machines[4].members().replica_id();
    let remove = Change::SetState { replica: gone, state: NodeState::Removed };
    machines[1].members().propose(&remove).await.unwrap();
    let told = machines[4].members().stopped().await;
    assert!(matches!(told, MembershipError::Removed { replica } if replica == gone), "{told}");
    for machine in &machines[..4] {
        machine
            .until("voting without it", |view| view.voters.len() == 3 && !view.voters.contains(&gone))
            .await;
    }
    machines[4].stop().await;
    let refused = machines[4].start().await.unwrap_err();
    assert!(matches!(refused, MembershipError::Removed { .. }), "{refused}");
    let mut fresh = Machine::new(&machines[0].board, "us-2", "us");
    fresh.start().await.unwrap();
    assert_eq!(fresh.members().replica_id(), ReplicaId(gone.0 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_removed_while_it_was_away_is_told_when_it_comes_back() {
    let mut machines = cluster(5, 5).await;
    machines[4].stop().await;
    let gone = Change::SetState { replica: ReplicaId(5), state: NodeState::Removed };
    machines[1].members().propose(&gone).await.unwrap();
    machines[4].start().await.unwrap();
    let told = machines[4].members().stopped().await;
    assert!(matches!(told, MembershipError::Removed { .. }), "{told}");
}

#[tokio::test(start_paused = true)]
async fn without_a_majority_only_changes_stop() {
    let mut machines = cluster(3, 3).await;
    machines[0].stop().await;
    machines[1].stop().await;
    let drain = Change::SetState { replica: ReplicaId(1), state: NodeState::Draining };
    let refused = machines[2].members().propose(&drain).await.unwrap_err();
    assert!(matches!(refused, MembershipError::NoLeader { .. }), "{refused}");
    assert_eq!(active(&machines[2].members().current()), 3);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stopped_before_it_had_learnt_of_the_cluster_asks_again() {
    let mut machines = cluster(3, 3).await;
    machines[2].stop().await;
    // As it is right after its id was allotted: nothing of the log has come.
    let disk = machines[2].disk.open();
    let mut forget = Batch::default();
    for (place, _) in disk.scan(Tree::Raft, &[], &[0xff; 16], usize::MAX).unwrap() {
        forget.remove(Tree::Raft, place);
    }
    disk.apply(forget).unwrap();
    disk.sync().unwrap();
    drop(disk);
    machines[2].start().await.unwrap();
    let view = machines[2].until("told of the cluster", |view| active(view) == 3).await;
    assert_eq!(view.nodes.len(), 3, "it was given the same id");
    assert_eq!(machines[2].members().replica_id(), ReplicaId(3));
}
