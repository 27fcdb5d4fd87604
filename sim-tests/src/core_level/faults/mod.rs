//! What goes wrong, when, and whether it changed anything.

mod cluster;
mod disk;
mod network;
mod overload;
mod poison;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sojourn_node::membership::ClusterState;
use sojourn_node::store::SimDisk;

use self::poison::Poisoner;
pub(super) use self::poison::{POISON, is_poisoned};
use self::watch::Watch;
use super::world::World;
use crate::plan::{Fault, NodeId, Plan, PlannedFault};
use crate::record::{Happening, NodeState};

/// The faults of the plan.
pub(super) struct Faults {
    plan: Vec<PlannedFault>,
    /// Those that act now.
    active: BTreeSet<usize>,
    began: BTreeSet<usize>,
    observed: BTreeSet<usize>,
    /// What is looked for, to see whether a fault has changed something.
    watched: BTreeMap<usize, Watch>,
    backups: BTreeMap<usize, Backup>,
    /// Nodes of regions that are lost.
    lost: BTreeMap<usize, Vec<NodeId>>,
    clones: BTreeMap<usize, NodeId>,
    poisoner: Poisoner,
}

/// A copy of a node's disk.
struct Backup {
    node: NodeId,
    disk: SimDisk,
    known: Option<Arc<ClusterState>>,
}

impl Faults {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.faults.clone(),
            active: BTreeSet::new(),
            began: BTreeSet::new(),
            observed: BTreeSet::new(),
            watched: BTreeMap::new(),
            backups: BTreeMap::new(),
            lost: BTreeMap::new(),
            clones: BTreeMap::new(),
            poisoner: Poisoner::default(),
        }
    }

    fn fault(&self, number: usize) -> Option<Fault> {
        self.plan.get(number).map(|planned| planned.fault.clone())
    }
}

impl World {
    /// Has every fault begin and end in its time, counted from now.
    pub(super) fn schedule_faults(&mut self) {
        for (number, planned) in self.faults.plan.clone().into_iter().enumerate() {
            let (at_us, lasts_us) = (planned.at_ms * 1_000, planned.lasts_ms * 1_000);
            self.after_us(at_us, move |world| {
                world.begin_fault(number);
                world.after_us(lasts_us, move |world| world.end_fault(number));
            });
        }
    }

    fn begin_fault(&mut self, number: usize) {
        let Some(fault) = self.faults.fault(number) else { return };
        if !self.applies(&fault) {
            return;
        }
        let class = fault.class();
        self.faults.active.insert(number);
        self.faults.began.insert(number);
        self.record(Happening::FaultBegan { fault: number, class });
        self.act_fault(number, fault);
    }

    /// Ends a fault, if it acts.
    pub(super) fn end_fault(&mut self, number: usize) {
        let Some(fault) = self.faults.fault(number).filter(|_| self.faults.active.contains(&number)) else {
            return;
        };
        self.watch();
        self.faults.active.remove(&number);
        let class = fault.class();
        self.undo_fault(number, fault);
        self.record(Happening::FaultEnded { fault: number, class });
    }

    /// Ends all that still act.
    pub(super) fn end_faults(&mut self) {
        for number in self.faults.active.clone() {
            self.end_fault(number);
        }
    }

    /// A fault has changed something.
    pub(super) fn observed(&mut self, number: usize) {
        let Some(fault) = self.faults.fault(number) else { return };
        if self.faults.began.contains(&number) && self.faults.observed.insert(number) {
            self.faults.watched.remove(&number);
            self.record(Happening::FaultObserved { fault: number, class: fault.class() });
        }
    }

    fn applies(&mut self, fault: &Fault) -> bool {
        match fault {
            Fault::RegionLost { region } => self.can_lose_region(usize::from(*region)),
            Fault::RegionPowerLoss { region } => !self.up_in(usize::from(*region)).is_empty(),
            _ => fault.node().is_none_or(|node| {
                self.machine(node).is_some_and(|machine| machine.is_up() && !machine.retired)
            }),
        }
    }

    /// The nodes of a region that are up.
    fn up_in(&self, region: usize) -> Vec<NodeId> {
        let up = self.nodes.iter().filter(|machine| machine.region == region && machine.is_up());
        up.map(|machine| machine.id).collect()
    }

    fn act_fault(&mut self, number: usize, fault: Fault) {
        match fault {
            Fault::PowerLoss { node, torn } => self.lose_power(number, vec![node], torn),
            Fault::LongOutage { node } => {
                self.lose_power(number, vec![node], false);
                self.outlast_logs(number);
            }
            Fault::RegionPowerLoss { region } => {
                let nodes = self.up_in(usize::from(region));
                self.lose_power(number, nodes, false);
            }
            Fault::Pause { node } => self.pause(node),
            Fault::ClockDrift { node, ppm } => self.turn_clock(number, node, |clock| clock.drift(ppm)),
            Fault::ClockStep { node, by_ms } => self.turn_clock(number, node, |clock| clock.step(by_ms)),
            Fault::BootClockBack { node, by_ms } => {
                self.cut_power(node, false);
                let by_ms = i64::try_from(by_ms).unwrap_or(i64::MAX);
                self.turn_clock(number, node, |clock| clock.step(-by_ms));
                self.start(node);
            }
            Fault::RollingRestart => self.restart_in_turn(number),
            fault => {
                if !self.act_on_network(number, &fault) && !self.act_on_disk(number, &fault) {
                    self.act_on_cluster(number, &fault);
                }
            }
        }
    }

    fn undo_fault(&mut self, number: usize, fault: Fault) {
        match fault {
            Fault::PowerLoss { node, .. } | Fault::LongOutage { node } => self.start(node),
            Fault::RegionPowerLoss { region } => {
                let of_region = self.nodes.iter().filter(|machine| machine.region == usize::from(region));
                let down: Vec<NodeId> = of_region.map(|machine| machine.id).collect();
                for node in down {
                    self.start_if_down(node);
                }
            }
            Fault::Pause { node } => {
                if self.machine(node).is_some_and(|machine| !machine.deferred.is_empty()) {
                    self.observed(number);
                }
                self.resume(node);
            }
            Fault::ClockDrift { node, .. } => self.leave_clock(node, |clock| clock.drift(0)),
            Fault::ClockStep { node, by_ms } => self.leave_clock(node, |clock| clock.step(-by_ms)),
            Fault::BootClockBack { node, by_ms } => {
                let by_ms = i64::try_from(by_ms).unwrap_or(i64::MAX);
                self.leave_clock(node, |clock| clock.step(by_ms));
            }
            fault => {
                if !self.undo_on_network(number, &fault) && !self.undo_on_disk(number, &fault) {
                    self.undo_on_cluster(number, &fault);
                }
            }
        }
    }

    fn lose_power(&mut self, number: usize, nodes: Vec<NodeId>, torn: bool) {
        for node in nodes {
            self.cut_power(node, torn);
        }
        self.observed(number);
    }

    fn start_if_down(&mut self, node: NodeId) {
        if self.machine(node).is_some_and(|machine| machine.state == NodeState::Down) {
            self.start(node);
        }
    }

    fn turn_clock(&mut self, number: usize, node: NodeId, turn: impl FnOnce(&super::clock::NodeClock)) {
        let Some(machine) = self.machine(node) else { return };
        turn(&machine.clock);
        machine.clock.set_disturbed(true);
        self.faults.watched.insert(number, Watch::Clock(node));
    }

    fn leave_clock(&mut self, node: NodeId, turn: impl FnOnce(&super::clock::NodeClock)) {
        let Some(machine) = self.machine(node) else { return };
        turn(&machine.clock);
        machine.clock.set_disturbed(false);
    }

    fn restart_in_turn(&mut self, number: usize) {
        let lasts_ms = self.faults.plan.get(number).map_or(0, |planned| planned.lasts_ms);
        let nodes: Vec<NodeId> = self.nodes.iter().map(|machine| machine.id).collect();
        let step_us = lasts_ms * 1_000 / (nodes.len() as u64 + 1);
        for (turn, node) in (0..).zip(nodes) {
            self.after_us(step_us * turn, move |world| {
                if world.machine(node).is_some_and(|machine| machine.is_up()) {
                    world.observed(number);
                    world.restart(node);
                }
            });
        }
    }
}
