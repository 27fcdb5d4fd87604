//! Fewer regions, nodes, clients and sessions, such that what is left has the right numbers.

use std::collections::BTreeMap;

use super::Shrinker;
use crate::places::renumber;
use crate::plan::{NodeId, Plan, SessionId};

pub(super) fn shrink(shrinker: &mut Shrinker<'_>) {
    for region in (0..shrinker.best.shape.regions.len()).rev() {
        if shrinker.best.shape.regions.len() > 1 {
            shrinker.change(|plan| remove_region(plan, region));
        }
    }
    for node in (0..shrinker.best.shape.nodes()).rev() {
        shrinker.change(|plan| remove_node(plan, NodeId(node)));
    }
    shrinker.change(trim_clients);
    shrinker.change(number_sessions_densely);
}

/// Takes a node away, and the faults that name it. The last of a region stays.
fn remove_node(plan: &mut Plan, node: NodeId) {
    let placed = plan.shape.placed().find(|(placed, _)| *placed == node);
    let Some((_, region)) = placed.filter(|(_, region)| plan.shape.regions[*region].nodes > 1) else {
        return;
    };
    plan.shape.regions[region].nodes -= 1;
    without_nodes(plan, node.0, 1, Some);
}

/// Takes a region away, and the faults that name it or one of its nodes. Clients
/// live in the next one.
fn remove_region(plan: &mut Plan, region: usize) {
    let first: u16 = plan.shape.regions[..region].iter().map(|region| region.nodes).sum();
    let removed = plan.shape.regions.remove(region);
    without_nodes(plan, first, removed.nodes, |index| match usize::from(index) {
        index if index == region => None,
        before if before < region => Some(index),
        _ => Some(index - 1),
    });
}

fn without_nodes(plan: &mut Plan, first: u16, count: u16, region: impl Fn(u16) -> Option<u16>) {
    let node = |id: NodeId| match id.0 {
        number if number < first => Some(id),
        number if number < first + count => None,
        number => Some(NodeId(number - count)),
    };
    let offsets = plan.shape.clock_offsets_ms.len();
    let (from, to) = (usize::from(first).min(offsets), usize::from(first + count).min(offsets));
    plan.shape.clock_offsets_ms.drain(from..to);
    plan.faults.retain_mut(|planned| match renumber(&planned.fault, node, &region) {
        Some(fault) => {
            planned.fault = fault;
            true
        }
        None => false,
    });
    let nodes_max = plan.shape.regions.iter().map(|region| u32::from(region.nodes)).max().unwrap_or(1);
    plan.shape.replicas_per_region = plan.shape.replicas_per_region.min(nodes_max);
}

/// Clients after the last that calls go; one before it stays, so that each keeps its region.
fn trim_clients(plan: &mut Plan) {
    let last = plan.operations.iter().map(|call| call.client).max().unwrap_or(0);
    plan.shape.clients = last + 1;
}

fn number_sessions_densely(plan: &mut Plan) {
    let mut numbers: BTreeMap<SessionId, SessionId> =
        plan.operations.iter().map(|call| (call.session, call.session)).collect();
    for (number, new) in (0..).zip(numbers.values_mut()) {
        *new = SessionId(number);
    }
    for call in &mut plan.operations {
        call.session = numbers[&call.session];
    }
    plan.shape.sessions = numbers.len().max(1) as u32;
}
