//! Faults between hosts.

use super::super::world::World;
use super::acting::{Begun, Simple};
use crate::env::{Effect, HostId, Way};
use crate::plan::{Cut, Fault, NodeId};

pub(super) fn begin(world: &mut World, number: usize, fault: &Fault) -> Begun {
    match fault {
        Fault::RegionCut { region, cut } => {
            let region = usize::from(*region);
            let (inside, outside): (Vec<_>, Vec<_>) =
                world.placed_hosts().into_iter().partition(|(_, of)| *of == region);
            affect(world, number, &both_ways(&hosts(&inside), &hosts(&outside)), effect(*cut))
        }
        Fault::Partition { left, cut } => {
            let (left, right) = split(world, left, &[]);
            affect(world, number, &both_ways(&left, &right), effect(*cut))
        }
        Fault::Bridge { node, left } => {
            let (left, right) = split(world, left, &[*node]);
            affect(world, number, &both_ways(&left, &right), Effect::Drop)
        }
        Fault::OneWay { from, to } => affect(world, number, &one_way(world, *from, *to)?, Effect::Drop),
        Fault::Clog { from, to } => affect(world, number, &one_way(world, *from, *to)?, Effect::Hold),
        Fault::Loss { permille } => {
            world.wire.lose(number, *permille);
            felt_by_wire()
        }
        Fault::Delay { extra_ms } => delay(world, number, *extra_ms),
        Fault::Reset { a, b } => {
            let (a, b) = (world.node(*a)?.host, world.node(*b)?.host);
            let hit = world.wire.reset(a, b);
            hit.then_some(Box::new(Simple { is_felt: |_: &World| true, end: |_: &mut World| {} }))
        }
        Fault::Overload { region } => overload(world, usize::from(*region)),
        _ => None,
    }
}

fn delay(world: &mut World, number: usize, extra_ms: u64) -> Begun {
    let hosts = world.placed_hosts();
    let ways = hosts.iter().flat_map(|(a, of_a)| {
        let elsewhere = hosts.iter().filter(move |(_, of_b)| of_b != of_a);
        elsewhere.map(move |(b, _)| (*a, *b))
    });
    world.wire.affect(number, &ways.collect::<Vec<_>>(), Effect::Slow);
    world.delay(extra_ms);
    Some(Box::new(Simple { is_felt: |_: &World| false, end: |world: &mut World| world.delay(0) }))
}

fn overload(world: &mut World, region: usize) -> Begun {
    if world.board.overload.borrow().is_some() {
        return None;
    }
    let before = world.board.state.lock().load_answers;
    world.board.overload.send_replace(Some(region));
    Some(Box::new(Simple {
        is_felt: move |world: &World| world.board.state.lock().load_answers > before,
        end: |world: &mut World| {
            world.board.overload.send_replace(None);
        },
    }))
}

fn affect(world: &World, number: usize, ways: &[Way], effect: Effect) -> Begun {
    if ways.is_empty() {
        return None;
    }
    world.wire.affect(number, ways, effect);
    felt_by_wire()
}

/// The wire says when a message feels it, and is relieved when it ends.
fn felt_by_wire() -> Begun {
    Some(Box::new(Simple { is_felt: |_: &World| false, end: |_: &mut World| {} }))
}

fn effect(cut: Cut) -> Effect {
    match cut {
        Cut::Drop => Effect::Drop,
        Cut::Hold => Effect::Hold,
    }
}

fn hosts(placed: &[(HostId, usize)]) -> Vec<HostId> {
    placed.iter().map(|(host, _)| *host).collect()
}

/// The hosts of some nodes and those of all others but `without`.
fn split(world: &World, left: &[NodeId], without: &[NodeId]) -> (Vec<HostId>, Vec<HostId>) {
    let nodes = world.nodes();
    let (left, right): (Vec<_>, Vec<_>) =
        nodes.iter().filter(|node| !without.contains(&node.id)).partition(|node| left.contains(&node.id));
    let hosts = |nodes: Vec<&std::sync::Arc<super::super::node::SimNode>>| {
        nodes.into_iter().map(|node| node.host).collect()
    };
    (hosts(left), hosts(right))
}

fn one_way(world: &World, from: NodeId, to: NodeId) -> Option<Vec<Way>> {
    let (from, to) = (world.node(from)?.host, world.node(to)?.host);
    (from != to).then(|| vec![(from, to)])
}

pub(super) fn both_ways(left: &[HostId], right: &[HostId]) -> Vec<Way> {
    left.iter().flat_map(|a| right.iter().flat_map(move |b| [(*a, *b), (*b, *a)])).collect()
}
