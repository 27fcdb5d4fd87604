//! PURE. The cluster's state, and how a change changes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Candidate, Change, ChangeOutcome, Node, NodeState, Refusal, WEIGHT_MAX};
use crate::placement::{Layout, LayoutNode};
use crate::session::ReplicaId;
use crate::session::rename::FOREIGN_REPLICA_MIN;

mod transition;

pub use transition::Serving;

/// Longest name, region, address or cluster id, in bytes.
const TEXT_BYTES_MAX: usize = 255;

/// What Raft agrees on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterState {
    /// Empty until the cluster is founded.
    pub cluster_id: String,
    /// Raft's log index of the last entry that went into this state.
    pub epoch: u64,
    /// The last id that was allotted. Only grows, so no id comes twice.
    pub last_replica_id: ReplicaId,
    /// Every node ever, removed ones included.
    pub nodes: BTreeMap<ReplicaId, Node>,
    /// The newest layout's: grows whenever the set of active nodes, or a weight
    /// among them, changes, or a node that serves is removed.
    pub layout_version: u64,
    /// What serves until the newest layout has synced; none: the newest layout serves.
    #[serde(default)]
    pub serving: Option<Serving>,
    /// Partitions.
    pub partition_count: u32,
    /// Replicas of a partition in each region.
    pub replicas_per_region: u32,
}

impl ClusterState {
    /// Whether the cluster exists.
    #[must_use]
    pub fn is_founded(&self) -> bool {
        !self.cluster_id.is_empty()
    }

    /// The layout that follows from this state.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let newest = self.compute(self.layout_version, &layout_nodes(&self.nodes));
        let Some(serving) = &self.serving else { return newest };
        let mut layout = self.compute(serving.version, &serving.nodes);
        layout.fence(|replica| self.is_removed(replica));
        let mut layout = layout.toward(newest);
        if let Some(next) = &mut layout.next {
            next.unsynced.retain(|replica| !serving.synced.contains(replica));
        }
        layout
    }

    /// Makes a change, or refuses it and changes nothing.
    #[must_use]
    pub fn apply(mut self, change: &Change) -> (Self, ChangeOutcome) {
        let (placed_before, fenced_before) = (layout_nodes(&self.nodes), self.fenced());
        let outcome = self.change(change).unwrap_or_else(ChangeOutcome::Refused);
        let placed = layout_nodes(&self.nodes) != placed_before;
        if placed || self.fenced() != fenced_before {
            self.begin_transition(placed_before);
        }
        self.end_transition();
        (self, outcome)
    }

    fn change(&mut self, change: &Change) -> Result<ChangeOutcome, Refusal> {
        if let Change::Found { cluster_id, partition_count, replicas_per_region, node } = change {
            return self.found(cluster_id, *partition_count, *replicas_per_region, node);
        }
        if !self.is_founded() {
            return Err(Refusal::NotFounded);
        }
        match change {
            Change::Found { .. } => Err(Refusal::AlreadyFounded { cluster_id: self.cluster_id.clone() }),
            Change::Join(candidate) => self.join(candidate, NodeState::Joining),
            Change::Activate { replica } => self.activate(*replica),
            Change::SetAddress { replica, address, weight } => self.move_to(*replica, address, *weight),
            Change::SetState { replica, state } => self.set_state(*replica, *state),
            Change::Synced { replica, layout_version } => self.synced(*replica, *layout_version),
        }
    }

    fn found(
        &mut self,
        cluster_id: &str,
        partition_count: u32,
        replicas_per_region: u32,
        node: &Candidate,
    ) -> Result<ChangeOutcome, Refusal> {
        if self.is_founded() {
            let again = self.cluster_id == cluster_id
                && self.nodes.get(&ReplicaId(1)).is_some_and(|first| first.store_id == node.store_id);
            return match again {
                true => Ok(ChangeOutcome::Joined { replica: ReplicaId(1) }),
                false => Err(Refusal::AlreadyFounded { cluster_id: self.cluster_id.clone() }),
            };
        }
        check_text("cluster_id", cluster_id)?;
        let outcome = self.join(node, NodeState::Active)?;
        cluster_id.clone_into(&mut self.cluster_id);
        self.partition_count = partition_count;
        self.replicas_per_region = replicas_per_region;
        Ok(outcome)
    }

    fn join(&mut self, candidate: &Candidate, state: NodeState) -> Result<ChangeOutcome, Refusal> {
        check_candidate(candidate)?;
        if let Some(known) = self.nodes.values_mut().find(|node| node.store_id == candidate.store_id) {
            return rejoin(known, candidate);
        }
        if let Some(holder) = self.holder_of(&candidate.name)
            && !planted!(WipedNodeIsLetIn)
        {
            return Err(Refusal::NameTaken { name: candidate.name.clone(), replica: holder });
        }
        if planted!(IdsByCount) {
            let living = self.nodes.values().filter(|node| node.state != NodeState::Removed).count();
            self.last_replica_id.0 = u16::try_from(living).unwrap_or(u16::MAX);
        }
        let id = self.last_replica_id.0.checked_add(1);
        // The others name writers of other clusters.
        let id = id.filter(|id| *id < FOREIGN_REPLICA_MIN).ok_or(Refusal::IdsExhausted)?;
        let replica = ReplicaId(id);
        self.last_replica_id = replica;
        self.nodes.insert(replica, admitted(replica, candidate, state));
        Ok(ChangeOutcome::Joined { replica })
    }

    /// The node that bears a name. A removed node's name is free again; its id is not.
    fn holder_of(&self, name: &str) -> Option<ReplicaId> {
        let mut holders = self.nodes.values().filter(|node| node.state != NodeState::Removed);
        holders.find(|node| node.name == name).map(|node| node.replica)
    }

    fn activate(&mut self, replica: ReplicaId) -> Result<ChangeOutcome, Refusal> {
        let node = self.living(replica)?;
        if node.state == NodeState::Joining {
            node.state = NodeState::Active;
        }
        Ok(ChangeOutcome::Done)
    }

    fn move_to(&mut self, replica: ReplicaId, address: &str, weight: u32) -> Result<ChangeOutcome, Refusal> {
        check_text("address", address)?;
        check_weight(weight)?;
        let node = self.living(replica)?;
        address.clone_into(&mut node.address);
        node.weight = weight;
        Ok(ChangeOutcome::Done)
    }

    fn set_state(&mut self, replica: ReplicaId, to: NodeState) -> Result<ChangeOutcome, Refusal> {
        let active = self.nodes.values().filter(|node| node.state == NodeState::Active).count();
        let from = self.nodes.get(&replica).ok_or(Refusal::UnknownReplica { replica })?.state;
        let allowed = match (from, to) {
            _ if from == to => return Ok(ChangeOutcome::Done),
            (NodeState::Removed, _) => return Err(Refusal::Removed { replica }),
            (_, NodeState::Removed) | (NodeState::Active, NodeState::Draining) => true,
            (NodeState::Draining, NodeState::Active) => true,
            _ => false,
        };
        if !allowed {
            return Err(Refusal::NotAllowed { replica, from, to });
        }
        if from == NodeState::Active && active == 1 {
            return Err(Refusal::LastActive { replica });
        }
        self.living(replica)?.state = to;
        Ok(ChangeOutcome::Done)
    }

    fn living(&mut self, replica: ReplicaId) -> Result<&mut Node, Refusal> {
        let node = self.nodes.get_mut(&replica).ok_or(Refusal::UnknownReplica { replica })?;
        if node.state == NodeState::Removed { Err(Refusal::Removed { replica }) } else { Ok(node) }
    }
}

/// A node that asks again, or comes back with another address or weight.
fn rejoin(known: &mut Node, candidate: &Candidate) -> Result<ChangeOutcome, Refusal> {
    let replica = known.replica;
    if planted!(RemovedNodeIsLetIn) && known.state == NodeState::Removed {
        known.state = NodeState::Joining;
    }
    if known.state == NodeState::Removed {
        return Err(Refusal::Removed { replica });
    }
    if known.name != candidate.name || known.region != candidate.region {
        let (name, region) = (known.name.clone(), known.region.clone());
        return Err(Refusal::DiskTaken { replica, name, region });
    }
    known.address.clone_from(&candidate.address);
    known.weight = candidate.weight;
    Ok(ChangeOutcome::Joined { replica })
}

fn admitted(replica: ReplicaId, candidate: &Candidate, state: NodeState) -> Node {
    Node {
        replica,
        name: candidate.name.clone(),
        region: candidate.region.clone(),
        address: candidate.address.clone(),
        weight: candidate.weight,
        state,
        store_id: candidate.store_id.clone(),
    }
}

fn layout_nodes(nodes: &BTreeMap<ReplicaId, Node>) -> Vec<LayoutNode> {
    let active = nodes.values().filter(|node| node.state == NodeState::Active);
    let placed =
        |node: &Node| LayoutNode { replica: node.replica, region: node.region.clone(), weight: node.weight };
    active.map(placed).collect()
}

fn check_candidate(candidate: &Candidate) -> Result<(), Refusal> {
    check_text("name", &candidate.name)?;
    check_text("region", &candidate.region)?;
    check_text("address", &candidate.address)?;
    check_text("store_id", &candidate.store_id)?;
    check_weight(candidate.weight)
}

fn check_text(what: &str, text: &str) -> Result<(), Refusal> {
    let rule = || Refusal::Invalid { what: what.to_owned(), rule: "must have 1 to 255 bytes".to_owned() };
    if (1..=TEXT_BYTES_MAX).contains(&text.len()) { Ok(()) } else { Err(rule()) }
}

fn check_weight(weight: u32) -> Result<(), Refusal> {
    let rule = || Refusal::Invalid { what: "weight".to_owned(), rule: "must be 1 to 1000".to_owned() };
    if (1..=WEIGHT_MAX).contains(&weight) { Ok(()) } else { Err(rule()) }
}

#[cfg(test)]
mod tests;
