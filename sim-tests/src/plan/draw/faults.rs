//! Which faults, how many, and when.

use super::super::{Cut, Fault, FaultClass, Level, PlannedFault, Shape};
use super::dice::Dice;
use super::fault;
use super::taken::Taken;
use crate::coverage::is_expressible;

const LASTS_MS_MIN: u64 = 200;

/// Classes of faults that have no node to themselves and need not be few.
const ALWAYS: &[FaultClass] =
    &[FaultClass::OneWay, FaultClass::Clog, FaultClass::Delay, FaultClass::SlowDisk, FaultClass::ClockDrift];

/// A node that has just started waits for its peers' clocks for less than this, in milliseconds.
const ALONE_MS_MIN: u64 = 6_000;

pub(super) fn draw(dice: &mut Dice, level: Level, shape: &Shape, chaos_ms: u64) -> Vec<PlannedFault> {
    let wanted = match level {
        Level::Core => dice.between(2, 14),
        // At least 20 begin: a few of them find that they do not apply.
        Level::Full => dice.between(27, 34),
    };
    let classes = swarm(dice, level);
    let mut limits = Limits::new(shape);
    let mut taken = Taken::default();
    let mut faults = Vec::new();
    // A class at its limit yields nothing, so there are more tries than faults.
    for tried in 0..wanted * 8 {
        if faults.len() as u64 == wanted || level == Level::Core && tried >= wanted * 4 {
            break;
        }
        // A full plan needs its faults, so that in the end those are drawn that always find something.
        let class = if tried < wanted * 4 { dice.weighted(&classes) } else { dice.pick(ALWAYS) };
        let Some(class) = class else { break };
        let (at_ms, lasts_ms) = when(dice, class, chaos_ms);
        let planned = PlannedFault { at_ms, lasts_ms, fault: fault::draw(dice, class, shape) };
        let is_idle = level == Level::Full && !taken.leaves(&planned, shape);
        if !is_idle && limits.allow(&planned.fault, shape) {
            taken.take(&planned, shape);
            faults.extend(isolation(dice, &planned.fault, at_ms, lasts_ms));
            faults.push(planned);
        }
    }
    faults.sort_by_key(|planned| planned.at_ms);
    faults
}

/// Some nodes whose clock went back are cut off from all that could tell them.
fn isolation(dice: &mut Dice, fault: &Fault, at_ms: u64, lasts_ms: u64) -> Option<PlannedFault> {
    let Fault::BootClockBack { node, .. } = fault else { return None };
    let cut = if dice.percent(50) { Cut::Drop } else { Cut::Hold };
    let fault = Fault::Partition { left: vec![*node], cut };
    (lasts_ms >= ALONE_MS_MIN).then_some(PlannedFault { at_ms, lasts_ms, fault })
}

fn is_rare(class: FaultClass) -> bool {
    use FaultClass::{
        BackupRestored, ClonedDisk, Overload, RegionLost, RemoveNode, RemovedNodeReturns, RollingRestart,
        WipedNode,
    };
    matches!(
        class,
        RegionLost
            | RemoveNode
            | RemovedNodeReturns
            | WipedNode
            | ClonedDisk
            | BackupRestored
            | RollingRestart
            | Overload
    )
}

fn swarm(dice: &mut Dice, level: Level) -> Vec<(FaultClass, u64)> {
    let on_percent = dice.pick_or(&[15, 30, 30, 60], 30);
    let on_percent = if level == Level::Full { on_percent.max(30) } else { on_percent };
    let possible = FaultClass::ALL.iter().copied().filter(|class| is_expressible(level, *class));
    let mut classes: Vec<(FaultClass, u64)> = possible
        .map(|class| {
            let weight = dice.spread(2, 12);
            let weight = if is_rare(class) { weight.div_ceil(3) } else { weight };
            (class, if dice.percent(on_percent) { weight } else { 0 })
        })
        .collect();
    // Some fault is on in every plan.
    let place = dice.between(0, classes.len() as u64 - 1) as usize;
    if let Some((_, weight)) = classes.get_mut(place) {
        *weight = (*weight).max(4);
    }
    classes
}

/// When a fault begins and how long it lasts: inside of chaos.
fn when(dice: &mut Dice, class: FaultClass, chaos_ms: u64) -> (u64, u64) {
    let lasts_ms = match class {
        FaultClass::LongOutage => dice.between(chaos_ms / 3, chaos_ms * 2 / 3),
        FaultClass::BootClockBack if dice.percent(50) => {
            dice.between(ALONE_MS_MIN, 2 * ALONE_MS_MIN).min(chaos_ms * 3 / 4)
        }
        FaultClass::RollingRestart => dice.between(chaos_ms / 4, chaos_ms / 2),
        FaultClass::RegionLost | FaultClass::RemovedNodeReturns => dice.between(chaos_ms / 8, chaos_ms / 3),
        _ => dice.spread(LASTS_MS_MIN, chaos_ms / 3),
    };
    (dice.between(chaos_ms / 50, chaos_ms - lasts_ms - 1), lasts_ms)
}

/// What a plan may destroy at most.
struct Limits {
    /// Disks that may still be destroyed in each region.
    disks: Vec<u16>,
    upheavals: u32,
    additions: u32,
    rolling_restarts: u32,
}

impl Limits {
    fn new(shape: &Shape) -> Self {
        // A minority, but at least one: regions of two nodes are otherwise never tried.
        let disks = shape.regions.iter().map(|region| (region.nodes.saturating_sub(1) / 2).max(1));
        Self { disks: disks.collect(), upheavals: 1, additions: 2, rolling_restarts: 1 }
    }

    fn allow(&mut self, fault: &Fault, shape: &Shape) -> bool {
        let node = match fault {
            Fault::RegionLost { .. } => return take(&mut self.upheavals),
            Fault::AddNode { .. } => return take(&mut self.additions),
            Fault::RollingRestart => return take(&mut self.rolling_restarts),
            Fault::RemoveNode { node } | Fault::RemovedNodeReturns { node } | Fault::WipedNode { node } => {
                if !take(&mut self.upheavals) {
                    return false;
                }
                node
            }
            Fault::BackupRestored { node } | Fault::ClonedDisk { node } => node,
            _ => return true,
        };
        let region = shape.placed().find(|(placed, _)| placed == node).map(|(_, region)| region);
        let left = region.and_then(|region| self.disks.get_mut(region)).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }
}

fn take(left: &mut u32) -> bool {
    let is_left = *left > 0;
    *left = left.saturating_sub(1);
    is_left
}
