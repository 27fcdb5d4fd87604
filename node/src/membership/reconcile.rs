//! The leader brings Raft's members in line with the cluster's state.
//!
//! One small step at a time, each decided from scratch by the pure [`next_step`]
//! and safe to repeat: a new leader carries on where the last one stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::ChangeMembers;

use super::core::Core;
use super::publish::{is_caught_up, members};
use super::raft_types::{RaftPeer, raft_id};
use super::{Candidate, Change, Membership, Node, NodeState, desired_voters};
use crate::session::ReplicaId;

/// The next thing to put right.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Nobody has founded the cluster.
    Found,
    /// A node of the cluster gets no log yet.
    AddLearner(ReplicaId),
    /// A joining node holds the whole log.
    Activate(ReplicaId),
    /// Other nodes should vote.
    SetVoters(BTreeSet<ReplicaId>),
    /// A removed node knows that it is.
    Forget(ReplicaId),
}

/// What the decision rests on.
struct Situation<'a> {
    founded: bool,
    nodes: &'a BTreeMap<ReplicaId, Node>,
    /// Raft's members; true for voters.
    members: &'a BTreeMap<ReplicaId, bool>,
    caught_up: &'a BTreeSet<ReplicaId>,
    voters_max: u32,
}

fn next_step(situation: &Situation<'_>) -> Option<Step> {
    let Situation { nodes, members, caught_up, .. } = situation;
    if !situation.founded {
        return Some(Step::Found);
    }
    let living = || nodes.values().filter(|node| node.state != NodeState::Removed);
    if let Some(unknown) = living().find(|node| !members.contains_key(&node.replica)) {
        return Some(Step::AddLearner(unknown.replica));
    }
    let mut joining = living().filter(|node| node.state == NodeState::Joining);
    if let Some(ready) = joining.find(|node| caught_up.contains(&node.replica)) {
        return Some(Step::Activate(ready.replica));
    }
    let voters: BTreeSet<ReplicaId> =
        members.iter().filter(|(_, votes)| **votes).map(|(id, _)| *id).collect();
    let desired = desired_voters(nodes, situation.voters_max);
    // A voter that does not answer could cost the cluster its majority.
    let safe = desired.difference(&voters).all(|new| caught_up.contains(new));
    if !desired.is_empty() && desired != voters && safe {
        return Some(Step::SetVoters(desired));
    }
    let gone = |id: &ReplicaId| nodes.get(id).is_some_and(|node| node.state == NodeState::Removed);
    let mut learners = members.iter().filter(|(_, votes)| !**votes).map(|(id, _)| *id);
    learners.find(|id| gone(id) && caught_up.contains(id)).map(Step::Forget)
}

/// Runs until the node shuts down.
pub(super) async fn run(core: Arc<Core>, founder: Candidate) {
    let mut metrics = core.raft.metrics();
    let mut view = core.view.clone();
    let interval = Duration::from_millis(core.config.reconcile_interval_ms);
    loop {
        while let Some(step) = decide(&core) {
            tracing::info!(?step, "the leader puts the membership right");
            if let Err(detail) = take(&core, &step, &founder).await {
                tracing::info!(?step, detail, "the step failed and will be taken again");
                tokio::time::sleep(Duration::from_millis(core.config.heartbeat_ms)).await;
            }
        }
        let alive = tokio::select! {
            changed = metrics.changed() => changed.is_ok(),
            changed = view.changed() => changed.is_ok(),
            () = tokio::time::sleep(interval) => true,
        };
        if !alive {
            return;
        }
    }
}

fn decide(core: &Core) -> Option<Step> {
    let metrics = core.raft.metrics().borrow().clone();
    let view: Arc<Membership> = core.view.borrow().clone();
    let leads = metrics.state.is_leader() && metrics.running_state.is_ok();
    let applied = metrics.last_applied.map_or(0, |last| last.index);
    // Right after an election the state may not yet hold what was committed before.
    if !leads || metrics.last_log_index != Some(applied) || view.epoch < applied {
        return None;
    }
    let members = members(&metrics);
    let caught_up = members.keys().copied().filter(|id| is_caught_up(&metrics, *id)).collect();
    next_step(&Situation {
        founded: !view.nodes.is_empty(),
        nodes: &view.nodes,
        members: &members,
        caught_up: &caught_up,
        voters_max: core.config.voters_max,
    })
}

async fn take(core: &Core, step: &Step, founder: &Candidate) -> Result<(), String> {
    let timeout = Duration::from_millis(core.config.propose_timeout_ms);
    let taken = tokio::time::timeout(timeout, take_untimed(core, step, founder));
    taken.await.unwrap_or_else(|_| Err("most voters cannot be reached".to_owned()))
}

async fn take_untimed(core: &Core, step: &Step, founder: &Candidate) -> Result<(), String> {
    let raft_ids = |replicas: &[ReplicaId]| replicas.iter().copied().map(raft_id).collect::<BTreeSet<_>>();
    match step {
        Step::Found => {
            let change = Change::Found {
                cluster_id: core.local.cluster_id.clone(),
                partition_count: core.config.partition_count,
                replicas_per_region: core.config.replicas_per_region,
                node: founder.clone(),
            };
            core.propose_as_leader(&change).await.map(drop).map_err(|error| error.to_string())
        }
        Step::Activate(replica) => {
            let change = Change::Activate { replica: *replica };
            core.propose_as_leader(&change).await.map(drop).map_err(|error| error.to_string())
        }
        Step::AddLearner(replica) => {
            let peer = core.view.borrow().nodes.get(replica).map(RaftPeer::of).unwrap_or_default();
            let added = core.raft.add_learner(raft_id(*replica), peer, false).await;
            added.map(drop).map_err(|error| error.to_string())
        }
        Step::SetVoters(voters) => {
            let voters: Vec<ReplicaId> = voters.iter().copied().collect();
            let set = ChangeMembers::ReplaceAllVoters(raft_ids(&voters));
            core.raft.change_membership(set, true).await.map(drop).map_err(|error| error.to_string())
        }
        Step::Forget(replica) => {
            let forget = ChangeMembers::RemoveNodes(raft_ids(&[*replica]));
            core.raft.change_membership(forget, true).await.map(drop).map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests;
