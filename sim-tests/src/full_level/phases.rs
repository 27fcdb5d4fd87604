//! The course of a run: start, chaos, heal, liveness, comparison.

use std::collections::BTreeMap;

use super::board::{Report, Stage};
use super::faults::Faults;
use super::world::World;
use crate::record::{Happening, NodeState, Phase};
use crate::run::RunError;

/// How long the first nodes may take to join and the clients to connect.
const START_MS_MAX: u64 = 120_000;
/// How long calls under way may go on after chaos, before nobody waits for them any longer.
const LAST_CALLS_MS_MAX: u64 = 90_000;
/// How long restarts and changes of the membership may take after chaos.
const HEAL_MS_MAX: u64 = 120_000;
const LIVENESS_MS_MAX: u64 = 60_000;
const COMPARISON_MS_MAX: u64 = 60_000;
/// How long a change feed may take to tell what its nodes hold: the client library asks again after two seconds.
const FED_MS_MAX: u64 = 4_000;

/// Runs all phases, or those up to the first broken invariant.
pub(super) fn run(world: &mut World) -> Result<(), RunError> {
    let connected = usize::from(world.plan.shape.clients) + world.plan.shape.regions.len();
    let up = await_all(world, START_MS_MAX, |world| {
        let nodes = world.nodes();
        let state = world.board.state.lock();
        nodes.iter().all(|node| node.state() == NodeState::Up)
            && state.active == nodes.len()
            && state.clients_connected == connected
            && state.feeds_begun == world.plan.shape.regions.len()
    })?;
    if !up {
        return Err(RunError(format!("the cluster did not start: {}", states(world))));
    }
    chaos(world)?;
    if !world.tale.is_broken() {
        after(world)?;
    }
    Ok(())
}

fn chaos(world: &mut World) -> Result<(), RunError> {
    let began_us = world.now_us();
    world.tale.tell(Happening::Phase(Phase::Chaos));
    world.board.stage.send_replace(Stage::Chaos { at_us: began_us });
    let mut faults = Faults::new(&world.plan);
    let ends_us = began_us + world.plan.chaos_ms * 1_000;
    while world.now_us() < ends_us && !world.tale.is_broken() {
        faults.go_on(world, began_us)?;
        world.step()?;
    }
    world.tale.tell(Happening::Phase(Phase::Heal));
    world.board.stage.send_replace(Stage::Heal);
    faults.end_all(world);
    let healed_us = world.now_us() + HEAL_MS_MAX * 1_000;
    while !(world.tale.is_broken() || faults.is_over() && all_up(world)) {
        if world.now_us() > healed_us {
            return impossible(world, "I17", "nodes did not all come back");
        }
        faults.go_on(world, began_us)?;
        world.step()?;
    }
    Ok(())
}

fn after(world: &mut World) -> Result<(), RunError> {
    let clients = usize::from(world.plan.shape.clients);
    await_all(world, LAST_CALLS_MS_MAX, |world| world.board.state.lock().clients_done == clients)?;
    let healed_us = world.now_us();
    let converge_ms_max = world.plan.converge_ms_max;
    if !await_all(world, converge_ms_max, |world| converged(world, healed_us, false))? {
        if holds_back(world) {
            world.tale.tell(Happening::HeldBack);
            return Ok(());
        }
        return impossible(world, "I17", "replicas are not equal in time");
    }
    world.tale.tell(Happening::Phase(Phase::Liveness));
    world.board.stage.send_replace(Stage::Liveness);
    let regions = world.plan.shape.regions.len();
    if !await_all(world, LIVENESS_MS_MAX, |world| world.board.state.lock().regions_alive == regions)? {
        return impossible(world, "I17", "fresh operations got no answer");
    }
    let spoken_us = world.now_us();
    if !await_all(world, converge_ms_max, |world| converged(world, spoken_us, true))? {
        return impossible(world, "I17", "replicas are not equal in time after fresh operations");
    }
    world.tale.tell(Happening::Phase(Phase::Comparison));
    world.board.stage.send_replace(Stage::Comparison);
    if !await_all(world, COMPARISON_MS_MAX, are_compared)? {
        let unread = world.board.state.lock().unread.clone();
        return impossible(
            world,
            "I17",
            &format!("not every node could be read (sessions left: {unread:?})"),
        );
    }
    // What reading finds damaged is mended, and counted anew for a moment.
    let compared_us = world.now_us();
    if !await_all(world, converge_ms_max, |world| converged(world, compared_us, false))? {
        return impossible(world, "I17", "replicas are not equal in time after every session was read");
    }
    await_all(world, FED_MS_MAX, |_| false)?;
    Ok(())
}

/// Steps until something holds; false if it does not in time.
fn await_all(world: &mut World, timeout_ms: u64, holds: impl Fn(&World) -> bool) -> Result<bool, RunError> {
    let deadline_us = world.now_us() + timeout_ms * 1_000;
    while !holds(world) {
        if world.now_us() > deadline_us {
            return Ok(false);
        }
        if world.tale.is_broken() {
            return Ok(true);
        }
        world.step()?;
    }
    Ok(true)
}

fn all_up(world: &World) -> bool {
    world.members().iter().all(|node| node.state() == NodeState::Up)
}

/// Whether all nodes have said, since a moment, that they hold the same of each
/// partition; not all nothing, unless every session may have expired.
fn converged(world: &World, since_us: u64, not_empty: bool) -> bool {
    let members = world.members();
    let state = world.board.state.lock();
    let reports: Option<Vec<&Report>> = members.iter().map(|node| state.reports.get(&node.id)).collect();
    let Some(reports) = reports else { return false };
    let mut digests: BTreeMap<u16, u128> = BTreeMap::new();
    let equal = |(partition, digest): (&u16, &u128)| *digests.entry(*partition).or_insert(*digest) == *digest;
    all_up(world)
        && reports.iter().all(|report| report.ready && report.at_us > since_us)
        && reports.iter().flat_map(|report| &report.digests).all(equal)
        && (!not_empty || reports.iter().any(|report| report.records > 0))
}

/// Whether every member has told all that it holds.
fn are_compared(world: &World) -> bool {
    let members = world.members();
    let state = world.board.state.lock();
    members.iter().all(|node| state.is_compared(node.id))
}

/// Whether a member holds writes back that are stamped ahead of its clock.
fn holds_back(world: &World) -> bool {
    let members = world.members();
    let state = world.board.state.lock();
    let mut reports = members.iter().filter_map(|node| state.reports.get(&node.id));
    reports.any(|report| report.held_bytes > 0)
}

fn impossible(world: &World, invariant: &'static str, what: &str) -> Result<(), RunError> {
    let detail = format!("{what}: {}", states(world));
    world.tale.tell(Happening::Impossible { invariant, detail });
    Ok(())
}

/// How all nodes stand, for people.
fn states(world: &World) -> String {
    let state = world.board.state.lock();
    let mut by_digests: BTreeMap<(u16, u128), Vec<&str>> = BTreeMap::new();
    let nodes = world.nodes();
    let mut said = Vec::new();
    for node in &nodes {
        said.push(format!("{} {:?} {:?}", node.name, node.state(), node.life()));
        for (partition, digest) in state.reports.get(&node.id).into_iter().flat_map(|report| &report.digests)
        {
            by_digests.entry((*partition, *digest)).or_default().push(&node.name);
        }
    }
    let mut unequal: BTreeMap<u16, Vec<Vec<&str>>> = BTreeMap::new();
    for ((partition, _), names) in by_digests {
        unequal.entry(partition).or_default().push(names);
    }
    unequal.retain(|_, groups| groups.len() > 1);
    format!("{}; partitions that differ: {unequal:?}; refused changes: {:?}", said.join(", "), state.refusals)
}
