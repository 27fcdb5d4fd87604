//! PURE. Which nodes should vote.

use std::collections::{BTreeMap, BTreeSet};

use super::{Node, NodeState};
use crate::session::ReplicaId;

/// Chooses the voters among active nodes: an odd number, at most `voters_max`
/// (of 1, 3, 5, 7), spread over regions as evenly as they allow.
///
/// Regions take turns, the oldest first, and so do the nodes within one: a
/// node that joins displaces at most one voter, to spread them better. Empty if
/// no node is active.
#[must_use]
pub fn desired_voters(nodes: &BTreeMap<ReplicaId, Node>, voters_max: u32) -> BTreeSet<ReplicaId> {
    let mut regions: BTreeMap<&str, Vec<ReplicaId>> = BTreeMap::new();
    for node in nodes.values().filter(|node| node.state == NodeState::Active) {
        regions.entry(&node.region).or_default().push(node.replica);
    }
    let active = regions.values().map(Vec::len).sum();
    let mut turns: Vec<Vec<ReplicaId>> = regions.into_values().collect();
    turns.sort();
    let rounds = turns.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..rounds).flat_map(|round| turns.iter().filter_map(move |region| region.get(round)));
    in_turn.copied().take(odd_at_most(active, voters_max)).collect()
}

fn odd_at_most(active: usize, voters_max: u32) -> usize {
    let allowed = active.min(usize::try_from(voters_max).unwrap_or(usize::MAX)).min(7);
    match allowed {
        0 => 0,
        even if even % 2 == 0 => even - 1,
        odd => odd,
    }
}

#[cfg(test)]
mod tests;
