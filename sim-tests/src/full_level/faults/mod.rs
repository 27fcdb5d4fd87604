//! Faults: when they begin, whether they were felt, when they end.

mod acting;
mod disk;
mod fencing;
mod membership;
mod network;
mod power;

use std::collections::VecDeque;

use self::acting::{Acting, Progress};
use super::world::World;
use crate::plan::{FaultClass, Plan, PlannedFault};
use crate::record::Happening;
use crate::run::RunError;

/// Fault classes that this level cannot express, each with the reason.
pub const INEXPRESSIBLE: &[(FaultClass, &str)] = &[
    (FaultClass::Duplicate, "the nodes speak over TCP, which repeats no message"),
    (FaultClass::Reorder, "the nodes speak over TCP, where no message overtakes another of its connection"),
    (FaultClass::Poison, "every peer here is the shipped node, which sends no poison"),
];

/// The plan's faults as they come and go.
pub(super) struct Faults {
    planned: VecDeque<(usize, PlannedFault)>,
    acting: Vec<Running>,
}

struct Running {
    number: usize,
    class: FaultClass,
    ends_us: u64,
    is_observed: bool,
    /// It has been told to end, and is about to.
    is_ending: bool,
    acting: Box<dyn Acting>,
}

impl Faults {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut planned: Vec<_> = plan.faults.iter().cloned().enumerate().collect();
        planned.sort_by_key(|(number, planned)| (planned.at_ms, *number));
        Self { planned: planned.into(), acting: Vec::new() }
    }

    /// Lets time pass: faults begin, are felt, end.
    pub(super) fn go_on(&mut self, world: &mut World, began_us: u64) -> Result<(), RunError> {
        let now_us = world.now_us();
        while let Some((_, next)) =
            self.planned.front().filter(|(_, next)| began_us + next.at_ms * 1_000 <= now_us)
        {
            let ends_us = began_us + (next.at_ms + next.lasts_ms) * 1_000;
            let Some((number, planned)) = self.planned.pop_front() else { break };
            if let Some(acting) = acting::begin(world, number, &planned.fault)? {
                let class = planned.fault.class();
                world.tale.tell(Happening::FaultBegan { fault: number, class });
                let (is_observed, is_ending) = (false, false);
                self.acting.push(Running { number, class, ends_us, is_observed, is_ending, acting });
            }
        }
        let felt = world.wire.take_observed();
        for running in &mut self.acting {
            if !running.is_observed && (felt.contains(&running.number) || running.acting.is_felt(world)) {
                running.is_observed = true;
                world.tale.tell(Happening::FaultObserved { fault: running.number, class: running.class });
            }
            running.is_ending |= running.ends_us <= now_us;
        }
        let mut left = Vec::new();
        for mut running in std::mem::take(&mut self.acting) {
            if running.acting.go_on(world, running.is_ending)? == Progress::GoesOn {
                left.push(running);
                continue;
            }
            if !running.is_observed && running.acting.is_felt(world) {
                world.tale.tell(Happening::FaultObserved { fault: running.number, class: running.class });
            }
            world.wire.relieve(running.number);
            world.tale.tell(Happening::FaultEnded { fault: running.number, class: running.class });
        }
        self.acting = left;
        world.revive();
        Ok(())
    }

    /// Tells all faults to end; those to come do not begin.
    pub(super) fn end_all(&mut self, world: &World) {
        self.planned.clear();
        self.acting.iter_mut().for_each(|running| running.ends_us = world.now_us());
    }

    /// Whether none acts any longer.
    pub(super) fn is_over(&self) -> bool {
        self.acting.is_empty()
    }
}
