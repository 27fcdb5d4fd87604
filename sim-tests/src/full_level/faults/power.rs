//! Faults of a node's power, of its process and of its clock.

use std::sync::Arc;

use sojourn_node::store::Crash;

use super::super::node::{Life, SimNode};
use super::super::world::World;
use super::acting::{Acting, Begun, Progress, Simple};
use super::network::both_ways;
use crate::env::Effect;
use crate::plan::{Fault, NodeId};
use crate::record::NodeState;
use crate::run::RunError;

/// How long a rolling restart waits for one node.
const RESTART_US_MAX: u64 = 30_000_000;

pub(super) fn begin(world: &mut World, number: usize, fault: &Fault) -> Begun {
    match fault {
        Fault::PowerLoss { node, torn } => {
            let seed = world.plan.seed.wrapping_add(number as u64);
            let crash = if *torn { Crash::Torn { seed } } else { Crash::Clean };
            let node = world.claim(*node)?;
            off(world, vec![node], crash)
        }
        Fault::LongOutage { node } => {
            let node = world.claim(*node)?;
            off(world, vec![node], Crash::Clean)
        }
        Fault::RegionPowerLoss { region } => {
            let of_region = world.of_region(usize::from(*region));
            let claimed: Vec<_> = of_region.iter().filter_map(|node| world.claim(node.id)).collect();
            if claimed.is_empty() { None } else { off(world, claimed, Crash::Clean) }
        }
        Fault::Pause { node } => pause(world, number, *node),
        Fault::ClockDrift { node, ppm } => {
            let node = world.node(*node)?;
            node.clock.drift(*ppm);
            let read = node.clone();
            Some(Box::new(Simple {
                is_felt: move |_: &World| {
                    read.clock.is_read() && read.clock.offset_ms() != read.planned_offset_ms
                },
                end: move |_: &mut World| node.clock.set_offset_ms(node.planned_offset_ms),
            }))
        }
        Fault::ClockStep { node, by_ms } => step_clock(world, *node, *by_ms),
        Fault::BootClockBack { node, by_ms } => {
            let node = world.claim(*node)?;
            world.cut_power(&node, Crash::Clean);
            node.clock.step(i64::try_from(*by_ms).map_or(0, |by_ms| -by_ms));
            world.start(&node);
            let read = node.clone();
            Some(Box::new(Simple {
                is_felt: move |_: &World| read.clock.is_read(),
                end: move |world: &mut World| {
                    node.clock.set_offset_ms(node.planned_offset_ms);
                    world.claimed.remove(&node.id);
                },
            }))
        }
        Fault::RollingRestart => Some(Box::new(Rolling {
            left: world.members().iter().map(|node| node.id).collect(),
            present: None,
            restarted: 0,
        })),
        _ => None,
    }
}

fn step_clock(world: &World, node: NodeId, by_ms: i64) -> Begun {
    let node = world.node(node)?;
    node.clock.step(by_ms);
    let read = node.clone();
    Some(Box::new(Simple {
        is_felt: move |_: &World| read.clock.is_read(),
        end: move |_: &mut World| node.clock.set_offset_ms(node.planned_offset_ms),
    }))
}

/// Takes the power from claimed nodes; they start again at the end.
pub(super) fn off(world: &mut World, nodes: Vec<Arc<SimNode>>, crash: Crash) -> Begun {
    nodes.iter().for_each(|node| world.cut_power(node, crash));
    Some(Box::new(Simple {
        is_felt: |_: &World| true,
        end: move |world: &mut World| {
            for node in &nodes {
                world.start(node);
                world.claimed.remove(&node.id);
            }
        },
    }))
}

fn pause(world: &mut World, number: usize, node: NodeId) -> Begun {
    let node = world.claim(node)?;
    let others: Vec<_> = world.all_hosts().into_iter().filter(|host| *host != node.host).collect();
    world.wire.affect(number, &both_ways(&[node.host], &others), Effect::Hold);
    node.freezer.set(true);
    node.set_state(NodeState::Paused);
    let frozen = node.clone();
    Some(Box::new(Simple {
        is_felt: move |_: &World| frozen.freezer.held_something(),
        end: move |world: &mut World| {
            node.freezer.set(false);
            node.set_state(NodeState::Unready);
            world.claimed.remove(&node.id);
        },
    }))
}

/// Restarts one node after the other, each in order.
struct Rolling {
    left: Vec<NodeId>,
    present: Option<(Arc<SimNode>, u32, u64)>,
    restarted: u32,
}

impl Acting for Rolling {
    fn is_felt(&self, _: &World) -> bool {
        self.restarted > 0
    }

    fn go_on(&mut self, world: &mut World, _: bool) -> Result<Progress, RunError> {
        let Some((node, start, since_us)) = self.present.take() else {
            if self.left.is_empty() {
                return Ok(Progress::Over);
            }
            let next = self.left.remove(0);
            if let Some(node) = world.claim(next).filter(|node| node.state() != NodeState::Removed) {
                node.stop();
                self.present = Some((node.clone(), node.starts(), world.now_us()));
            }
            return Ok(Progress::GoesOn);
        };
        let late = world.now_us() > since_us + RESTART_US_MAX;
        if node.starts() == start && (node.life() != Life::Running || late) {
            world.start(&node);
            self.restarted += 1;
        }
        let back = node.starts() > start && node.state() == NodeState::Up;
        if back || late {
            world.claimed.remove(&node.id);
        } else {
            self.present = Some((node, start, since_us));
        }
        Ok(Progress::GoesOn)
    }
}
