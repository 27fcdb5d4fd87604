//! How faults read.

use super::places::region_name;
use super::time::{spoken, spoken_offset};
use crate::plan::{Cut, Fault, NodeId, Plan};

/// What a fault acts on, in a few letters for the label of a row.
pub(super) fn target(plan: &Plan, fault: &Fault) -> String {
    match fault {
        Fault::RegionCut { region, .. }
        | Fault::RegionPowerLoss { region }
        | Fault::RegionLost { region }
        | Fault::AddNode { region }
        | Fault::Overload { region } => region_name(plan, usize::from(*region)),
        Fault::Partition { left, .. } => format!("{} | rest", numbers(left)),
        Fault::Bridge { node, left } => format!("{} | rest, by {}", numbers(left), node.0),
        Fault::OneWay { from, to } | Fault::Clog { from, to } => format!("{} → {}", from.0, to.0),
        Fault::Reset { a, b } => format!("{} – {}", a.0, b.0),
        Fault::Loss { permille } | Fault::Duplicate { permille } | Fault::Reorder { permille } => {
            format!("{permille} ‰")
        }
        Fault::Delay { extra_ms } => spoken_offset(i64::try_from(*extra_ms).unwrap_or(i64::MAX)),
        Fault::ClockDrift { node, ppm } => format!("{node}, {ppm:+} ppm"),
        Fault::ClockStep { node, by_ms } => format!("{node}, {}", spoken_offset(*by_ms)),
        Fault::BootClockBack { node, by_ms } => {
            format!("{node}, {}", spoken_offset(i64::try_from(*by_ms).map_or(i64::MIN, |ms| -ms)))
        }
        Fault::SlowDisk { node, by_ms } => format!("{node}, +{by_ms} ms"),
        Fault::PowerLoss { node, .. }
        | Fault::Pause { node }
        | Fault::LongOutage { node }
        | Fault::FailedSync { node }
        | Fault::DiskFull { node }
        | Fault::DiskError { node }
        | Fault::BitFlip { node }
        | Fault::RemoveNode { node }
        | Fault::RemovedNodeReturns { node }
        | Fault::WipedNode { node }
        | Fault::ClonedDisk { node }
        | Fault::BackupRestored { node }
        | Fault::Poison { node } => node.to_string(),
        Fault::RollingRestart => "all nodes".into(),
    }
}

/// A sentence without its full stop.
pub(super) fn sentence(plan: &Plan, fault: &Fault) -> String {
    let region = |region: &u16| region_name(plan, usize::from(*region));
    match fault {
        Fault::RegionCut { region: cut_off, cut } => {
            format!("Region {} saw no other region; messages {}", region(cut_off), went(*cut))
        }
        Fault::Partition { left, cut } => {
            format!("{} and the others did not see each other; messages {}", nodes(left), went(*cut))
        }
        Fault::OneWay { from, to } => format!("What {from} sent to {to} was lost; the other way it passed"),
        Fault::Bridge { node, left } => {
            format!("{} and the others did not see each other; only {node} saw both", nodes(left))
        }
        Fault::Clog { from, to } => format!("What {from} sent to {to} waited"),
        Fault::Loss { permille } => format!("{permille} of 1000 messages were lost on all links"),
        Fault::Duplicate { permille } => format!("{permille} of 1000 messages came twice"),
        Fault::Reorder { permille } => format!("{permille} of 1000 messages were overtaken by others"),
        Fault::Delay { extra_ms } => format!("All links between regions were slower by {extra_ms} ms"),
        Fault::Reset { a, b } => format!("The connections between {a} and {b} broke"),
        Fault::PowerLoss { node, torn: true } => {
            format!("{node} lost power; a part of what was not synced stayed on its disk")
        }
        Fault::PowerLoss { node, torn: false } => {
            format!("{node} lost power, and with it what was not synced")
        }
        Fault::RegionPowerLoss { region: dark } => format!("Region {} lost power", region(dark)),
        Fault::Pause { node } => format!("{node} did nothing, then went on"),
        Fault::LongOutage { node } => format!("{node} was away for longer than the others' logs reach back"),
        Fault::RegionLost { region: lost } => {
            format!("Region {} was lost with its disks; new nodes took its place", region(lost))
        }
        Fault::ClockDrift { node, ppm } => {
            let way = if *ppm < 0 { "slow" } else { "fast" };
            format!("The clock of {node} ran {way} by {} parts per million", ppm.unsigned_abs())
        }
        Fault::ClockStep { node, by_ms } => {
            format!("The clock of {node} jumped by {}, and back at the end", spoken_offset(*by_ms))
        }
        Fault::BootClockBack { node, by_ms } => {
            let by = spoken(by_ms.saturating_mul(1_000));
            format!("{node} restarted with its clock set back by {by}")
        }
        Fault::FailedSync { node } => format!("A sync of {node}'s disk failed"),
        Fault::DiskFull { node } => format!("The disk of {node} took no more"),
        Fault::DiskError { node } => format!("All reads and writes of {node}'s disk failed"),
        Fault::SlowDisk { node, by_ms } => format!("Each call to {node}'s disk took {by_ms} ms longer"),
        Fault::BitFlip { node } => format!("{node} lost power, and one bit of a session record flipped"),
        Fault::AddNode { region: grown } => format!("A node joined in region {}", region(grown)),
        Fault::RemoveNode { node } => format!("{node} was removed for good"),
        Fault::RemovedNodeReturns { node } => {
            format!("{node}, removed, started again from its old disk under its old name")
        }
        Fault::WipedNode { node } => format!("{node} lost its disk and started empty under its old name"),
        Fault::ClonedDisk { node } => format!("A second node started with a copy of {node}'s disk"),
        Fault::BackupRestored { node } => {
            format!("{node} started again from a copy that was made of its disk when the fault began")
        }
        Fault::Poison { node } => format!("A peer sent poisoned entries through {node}'s link"),
        Fault::RollingRestart => "Every node was restarted in order, one after the other".into(),
        Fault::Overload { region: flooded } => {
            format!("A client sent many times the usual calls to region {}", region(flooded))
        }
    }
}

fn went(cut: Cut) -> &'static str {
    match cut {
        Cut::Drop => "were lost",
        Cut::Hold => "waited for the heal",
    }
}

fn numbers(nodes: &[NodeId]) -> String {
    let numbers: Vec<String> = nodes.iter().map(|node| node.0.to_string()).collect();
    numbers.join(" ")
}

fn nodes(nodes: &[NodeId]) -> String {
    let numbers: Vec<String> = nodes.iter().map(|node| node.0.to_string()).collect();
    match numbers.as_slice() {
        [] => "No node".into(),
        [one] => format!("Node {one}"),
        [first @ .., last] => format!("Nodes {} and {last}", first.join(", ")),
    }
}
