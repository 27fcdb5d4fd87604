//! Stands in for Raft: one committed log of the cluster's states.
//!
//! A change is committed only while a voter sees most of the voters, and reaches
//! each node with the network's delay, if it can be reached at all. What a change
//! does is the shipped `ClusterState::apply`.

use std::collections::BTreeSet;
use std::sync::Arc;

use sojourn_node::membership::{
    Candidate, Change, ChangeOutcome, ClusterState, Membership, NodeState as Member, desired_voters,
};
use sojourn_node::replication::core::{Event, Topology};
use sojourn_node::session::ReplicaId;
use tokio::sync::oneshot;

use super::layout;
use super::node::{CLUSTER, at_address};
use super::world::World;
use crate::plan::{NodeId, Shape};
use crate::record::NodeState;

const INTERVAL_US: u64 = 250_000;
const VOTERS_MAX: u32 = 5;
const PROPOSE_TIMEOUT_US: u64 = 10_000_000;

struct Proposal {
    /// None: an operator, who reaches every node.
    from: Option<NodeId>,
    change: Change,
    answer: oneshot::Sender<ChangeOutcome>,
    until_us: u64,
}

/// The log, and what waits to be committed.
#[derive(Default)]
pub(super) struct Raft {
    committed: Arc<ClusterState>,
    /// What nodes see that know the committed state; none until it is asked for.
    view: Option<Arc<Membership>>,
    proposals: Vec<Proposal>,
    /// Replicas that were ever removed, which is for good, whatever the state says later.
    removed: BTreeSet<ReplicaId>,
}

impl Raft {
    pub(super) fn committed(&self) -> Arc<ClusterState> {
        self.committed.clone()
    }

    /// What a node sees that knows the committed state.
    pub(super) fn view(&mut self) -> Arc<Membership> {
        let committed = &self.committed;
        self.view.get_or_insert_with(|| layout::membership(committed)).clone()
    }

    /// Lets a node of the start in.
    pub(super) fn admit(&mut self, shape: &Shape, node: Candidate) {
        let change = if self.committed.is_founded() {
            Change::Join(node)
        } else {
            let (partition_count, replicas_per_region) = (shape.partition_count, shape.replicas_per_region);
            Change::Found { cluster_id: CLUSTER.into(), partition_count, replicas_per_region, node }
        };
        if let ChangeOutcome::Joined { replica } = self.commit(&change) {
            self.commit(&Change::Activate { replica });
        }
    }

    /// All that must sync for the first layouts say that they have.
    pub(super) fn settle(&mut self) {
        while let Some(next) = self.committed.layout().next {
            let Some(replica) = next.unsynced.first().copied() else { return };
            self.commit(&Change::Synced { replica, layout_version: next.version });
        }
    }

    fn commit(&mut self, change: &Change) -> ChangeOutcome {
        let (mut state, outcome) = (*self.committed).clone().apply(change);
        let same = ClusterState { epoch: self.committed.epoch, ..state.clone() } == *self.committed;
        if !same {
            state.epoch = self.committed.epoch + 1;
            let removed = state.nodes.values().filter(|node| node.state == Member::Removed);
            self.removed.extend(removed.map(|node| node.replica));
            self.committed = Arc::new(state);
            self.view = None;
        }
        outcome
    }

    /// Whether a replica was ever removed.
    pub(super) fn has_removed(&self, replica: ReplicaId) -> bool {
        self.removed.contains(&replica)
    }

    /// The machine of a node, by its address.
    pub(super) fn machine_of(&self, replica: ReplicaId) -> Option<NodeId> {
        at_address(&self.committed.nodes.get(&replica)?.address)
    }
}

impl World {
    /// Asks for a change; the answer never comes if it cannot be committed in time.
    pub(super) fn propose(
        &mut self,
        from: Option<NodeId>,
        change: Change,
    ) -> oneshot::Receiver<ChangeOutcome> {
        let (answer, outcome) = oneshot::channel();
        let until_us = self.now_us() + PROPOSE_TIMEOUT_US;
        self.raft.proposals.push(Proposal { from, change, answer, until_us });
        outcome
    }

    /// Commits what can be committed and tells nodes of it, again and again.
    pub(super) fn keep_membership(&mut self) {
        self.after_us(INTERVAL_US, World::keep_membership);
        let now_us = self.now_us();
        self.raft.proposals.retain(|proposal| proposal.until_us > now_us);
        let Some(leader) = self.leader() else { return };
        let proposals = std::mem::take(&mut self.raft.proposals);
        for proposal in proposals {
            if proposal.from.is_some_and(|from| from != leader && !self.network.sees(from, leader)) {
                self.raft.proposals.push(proposal);
                continue;
            }
            let outcome = self.raft.commit(&proposal.change);
            self.trace(&("commit", self.raft.committed.epoch, format!("{outcome:?}")));
            let delay_us = proposal.from.map_or(0, |from| self.latency_us(leader, from));
            self.after_us(delay_us, move |_| drop(proposal.answer.send(outcome)));
        }
        self.activate(leader);
        self.spread(leader);
    }

    /// A voter that sees most voters, itself included.
    fn leader(&mut self) -> Option<NodeId> {
        let voters = desired_voters(&self.raft.committed.nodes, VOTERS_MAX);
        let machines: Vec<NodeId> = voters.iter().filter_map(|voter| self.raft.machine_of(*voter)).collect();
        let up: Vec<NodeId> = machines
            .iter()
            .copied()
            .filter(|node| self.nodes.get(usize::from(node.0)).is_some_and(super::node::Machine::is_up))
            .collect();
        let sees_most = |node: &NodeId| {
            let seen = up.iter().filter(|other| *other == node || self.network.sees(*node, **other)).count();
            seen > voters.len() / 2
        };
        up.iter().copied().find(sees_most)
    }

    /// A joining node that knows the whole log becomes active.
    fn activate(&mut self, leader: NodeId) {
        let state = self.raft.committed();
        let joining = state.nodes.values().filter(|node| node.state == Member::Joining);
        let ready = joining.filter_map(|node| {
            let machine = self.nodes.get(usize::from(at_address(&node.address)?.0))?;
            let knows = machine.known.as_ref().is_some_and(|known| known.epoch == state.epoch);
            (knows && machine.is_up() && self.network.sees(leader, machine.id)).then_some(node.replica)
        });
        if let Some(replica) = ready.into_iter().next() {
            self.raft.commit(&Change::Activate { replica });
        }
    }

    fn spread(&mut self, leader: NodeId) {
        let (state, view) = (self.raft.committed(), self.raft.view());
        let behind: Vec<(NodeId, u64)> = self
            .nodes
            .iter()
            .filter(|machine| {
                machine.is_up() && (machine.id == leader || self.network.sees(leader, machine.id))
            })
            .filter(|machine| machine.known.as_ref().is_none_or(|known| known.epoch < state.epoch))
            .map(super::node::Machine::at)
            .collect();
        for at in behind {
            let delay_us = if at.0 == leader { 0 } else { self.latency_us(leader, at.0) };
            let (state, view) = (state.clone(), view.clone());
            self.after_us_at(at, delay_us, move |world| world.learn(at, state, view));
        }
    }

    /// A node hears of a newer membership.
    fn learn(&mut self, at: (NodeId, u64), state: Arc<ClusterState>, membership: Arc<Membership>) {
        let Some(machine) = self.machine(at.0) else { return };
        if machine.known.as_ref().is_some_and(|known| known.epoch >= state.epoch) {
            return;
        }
        machine.known = Some(state.clone());
        let Some(run) = &machine.run else { return };
        let me = run.shared.me;
        if layout::is_removed(&state, me.replica) {
            return self.end_node(at.0, NodeState::Removed);
        }
        run.view.send_replace(membership.clone());
        self.handle(at, Event::Topology(Topology::new(me, &membership)));
        self.show_state(at.0);
        self.follow_membership(at);
    }

    /// Tells whether a node takes calls.
    pub(super) fn show_state(&mut self, node: NodeId) {
        let Some(run) = self.machine(node).and_then(|machine| machine.run.as_ref()) else { return };
        let ready = layout::is_ready(&run.shared.membership(), run.shared.me.replica);
        let engine = &run.shared.engine;
        let healthy = engine.health().is_ok() && engine.trusted_wall_ms().is_ok();
        let paused = self.machine(node).is_some_and(|machine| machine.paused);
        if !paused {
            self.set_state(node, if ready && healthy { NodeState::Up } else { NodeState::Unready });
        }
    }
}
