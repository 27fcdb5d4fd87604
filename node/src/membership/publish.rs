//! Publishes the membership whenever state, leader, term or voters change.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::raft_types::{RaftMetrics, raft_id, replica_of};
use super::{ClusterState, Membership, MembershipError, NodeState};
use crate::placement::Layout;
use crate::session::ReplicaId;

/// What stops a node for good; empty while it may run.
pub(super) type Verdict = watch::Sender<Option<MembershipError>>;

pub(super) struct Publisher {
    pub(super) replica: ReplicaId,
    pub(super) states: watch::Receiver<Arc<ClusterState>>,
    pub(super) metrics: watch::Receiver<RaftMetrics>,
    pub(super) view: watch::Sender<Arc<Membership>>,
    pub(super) verdict: Arc<Verdict>,
}

impl Publisher {
    /// Runs until Raft or the state machine is gone.
    pub(super) async fn run(mut self) {
        loop {
            self.publish();
            let changed = tokio::select! {
                changed = self.states.changed() => changed,
                changed = self.metrics.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    fn publish(&mut self) {
        let state = self.states.borrow_and_update().clone();
        let metrics = self.metrics.borrow_and_update().clone();
        if let Err(fatal) = &metrics.running_state {
            let detail = fatal.to_string();
            self.verdict.send_replace(Some(MembershipError::Stopped { detail }));
        }
        if state.nodes.get(&self.replica).is_some_and(|own| own.state == NodeState::Removed) {
            self.verdict.send_replace(Some(MembershipError::Removed { replica: self.replica }));
        }
        self.view.send_if_modified(|view| {
            let next = next(view, &state, &metrics);
            let changed = next.is_some();
            if let Some(next) = next {
                *view = Arc::new(next);
            }
            changed
        });
    }
}

/// What a state shows before Raft says anything.
pub(super) fn initial(state: &ClusterState) -> Membership {
    Membership {
        cluster_id: state.cluster_id.clone(),
        epoch: state.epoch,
        nodes: state.nodes.clone(),
        layout: Arc::new(state.layout()),
        voters: Vec::new(),
        leader: None,
        term: 0,
    }
}

/// The next membership, or none if nothing changed that anybody can see.
fn next(view: &Membership, state: &ClusterState, metrics: &RaftMetrics) -> Option<Membership> {
    let voters: Vec<ReplicaId> = metrics.membership_config.membership().voter_ids().map(replica_of).collect();
    let leader = metrics.current_leader.map(replica_of);
    let newer = state.epoch > view.epoch;
    let same = (&view.voters, view.leader, view.term) == (&voters, leader, metrics.current_term);
    if same && !newer {
        return None;
    }
    let (nodes, layout, epoch) = match newer {
        true => (state.nodes.clone(), layout_of(view, state), state.epoch),
        // What a seed told at joining may be newer than what Raft has brought here so far.
        false => (view.nodes.clone(), view.layout.clone(), view.epoch),
    };
    let cluster_id = if state.is_founded() { state.cluster_id.clone() } else { view.cluster_id.clone() };
    Some(Membership { cluster_id, epoch, nodes, layout, voters, leader, term: metrics.current_term })
}

fn layout_of(view: &Membership, state: &ClusterState) -> Arc<Layout> {
    let is_served = state.serving.is_none() && view.layout.version == state.layout_version;
    if is_served && view.layout.next.is_none() && view.layout.partition_count == state.partition_count {
        return view.layout.clone();
    }
    Arc::new(state.layout())
}

/// Raft's members by id: whether each votes.
pub(super) fn members(metrics: &RaftMetrics) -> BTreeMap<ReplicaId, bool> {
    let membership = metrics.membership_config.membership();
    let voters: Vec<u64> = membership.voter_ids().collect();
    let member = |(id, _): (&u64, _)| (replica_of(*id), voters.contains(id));
    membership.nodes().map(member).collect()
}

/// Whether a member has acknowledged the whole log.
pub(super) fn is_caught_up(metrics: &RaftMetrics, replica: ReplicaId) -> bool {
    if metrics.id == raft_id(replica) {
        return true;
    }
    let matched = metrics.replication.as_ref().and_then(|progress| *progress.get(&raft_id(replica))?);
    matched.is_some_and(|matched| Some(matched.index) >= metrics.last_log_index)
}
