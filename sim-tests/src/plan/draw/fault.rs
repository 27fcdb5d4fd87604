//! One fault of a class.

use super::super::{Cut, Fault, FaultClass, NodeId, Shape};
use super::dice::Dice;

const HOUR_MS: u64 = 3_600_000;

pub(super) fn draw(dice: &mut Dice, class: FaultClass, shape: &Shape) -> Fault {
    network(dice, class, shape).unwrap_or_else(|| on_a_node(dice, class, shape))
}

fn network(dice: &mut Dice, class: FaultClass, shape: &Shape) -> Option<Fault> {
    Some(match class {
        FaultClass::RegionCut => Fault::RegionCut { region: region(dice, shape), cut: cut(dice) },
        FaultClass::Partition => Fault::Partition { left: some(dice, shape, None), cut: cut(dice) },
        FaultClass::OneWay => {
            let (from, to) = pair(dice, shape);
            Fault::OneWay { from, to }
        }
        FaultClass::Bridge => {
            let node = node(dice, shape);
            Fault::Bridge { node, left: some(dice, shape, Some(node)) }
        }
        FaultClass::Clog => {
            let (from, to) = pair(dice, shape);
            Fault::Clog { from, to }
        }
        FaultClass::Loss => Fault::Loss { permille: dice.spread(5, 250) as u16 },
        FaultClass::Duplicate => Fault::Duplicate { permille: dice.spread(10, 300) as u16 },
        FaultClass::Reorder => Fault::Reorder { permille: dice.spread(10, 500) as u16 },
        FaultClass::Delay => Fault::Delay { extra_ms: dice.spread(20, 1_000) },
        FaultClass::Reset => {
            let (a, b) = pair(dice, shape);
            Fault::Reset { a, b }
        }
        FaultClass::RegionPowerLoss => Fault::RegionPowerLoss { region: region(dice, shape) },
        FaultClass::RegionLost => Fault::RegionLost { region: region(dice, shape) },
        FaultClass::AddNode => Fault::AddNode { region: region(dice, shape) },
        FaultClass::Overload => Fault::Overload { region: region(dice, shape) },
        FaultClass::RollingRestart => Fault::RollingRestart,
        _ => return None,
    })
}

fn on_a_node(dice: &mut Dice, class: FaultClass, shape: &Shape) -> Fault {
    let node = node(dice, shape);
    match class {
        FaultClass::PowerLoss => Fault::PowerLoss { node, torn: dice.percent(50) },
        FaultClass::LongOutage => Fault::LongOutage { node },
        FaultClass::ClockDrift => Fault::ClockDrift { node, ppm: drift_ppm(dice) },
        FaultClass::ClockStep => {
            let by_ms = dice.spread(50, 6 * HOUR_MS) as i64;
            Fault::ClockStep { node, by_ms: if dice.percent(50) { by_ms } else { -by_ms } }
        }
        FaultClass::BootClockBack => {
            // Half of them by so little that peers let the clock pass.
            let most_ms = if dice.percent(50) { 2 * shape.clock_offset_ms_max } else { 6 * HOUR_MS };
            Fault::BootClockBack { node, by_ms: dice.spread(50, most_ms.max(100)) }
        }
        FaultClass::FailedSync => Fault::FailedSync { node },
        FaultClass::DiskFull => Fault::DiskFull { node },
        FaultClass::DiskError => Fault::DiskError { node },
        FaultClass::SlowDisk => Fault::SlowDisk { node, by_ms: dice.spread(2, 500) },
        FaultClass::BitFlip => Fault::BitFlip { node },
        FaultClass::RemoveNode => Fault::RemoveNode { node },
        FaultClass::RemovedNodeReturns => Fault::RemovedNodeReturns { node },
        FaultClass::WipedNode => Fault::WipedNode { node },
        FaultClass::ClonedDisk => Fault::ClonedDisk { node },
        FaultClass::BackupRestored => Fault::BackupRestored { node },
        FaultClass::Poison => Fault::Poison { node },
        _ => Fault::Pause { node },
    }
}

fn drift_ppm(dice: &mut Dice) -> i32 {
    // Mostly such that the clock stays within the permitted offset for a while.
    let most = if dice.percent(80) { 20_000 } else { 200_000 };
    let ppm = dice.spread(500, most) as i32;
    if dice.percent(50) { ppm } else { -ppm }
}

fn cut(dice: &mut Dice) -> Cut {
    if dice.percent(70) { Cut::Drop } else { Cut::Hold }
}

fn region(dice: &mut Dice, shape: &Shape) -> u16 {
    dice.between(0, shape.regions.len() as u64 - 1) as u16
}

fn node(dice: &mut Dice, shape: &Shape) -> NodeId {
    NodeId(dice.between(0, u64::from(shape.nodes()) - 1) as u16)
}

fn pair(dice: &mut Dice, shape: &Shape) -> (NodeId, NodeId) {
    let (one, apart) = (node(dice, shape), dice.between(1, u64::from(shape.nodes()) - 1) as u16);
    (one, NodeId((one.0 + apart) % shape.nodes()))
}

/// Some nodes: at least one, and not all.
fn some(dice: &mut Dice, shape: &Shape, without: Option<NodeId>) -> Vec<NodeId> {
    let others: Vec<NodeId> = (0..shape.nodes()).map(NodeId).filter(|node| Some(*node) != without).collect();
    let mut left: Vec<NodeId> = others.iter().copied().filter(|_| dice.percent(50)).collect();
    if left.len() == others.len() {
        left.pop();
    }
    if left.is_empty() {
        left.extend(dice.pick(&others));
    }
    left
}
