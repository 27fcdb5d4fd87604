//! A fault as a sentence.

use super::{Names, duration};
use crate::plan::{Cut, Fault};

/// What goes wrong, in words, without its time.
#[must_use]
pub fn fault(fault: &Fault, names: &Names) -> String {
    let node = |id| names.node(id);
    match fault {
        Fault::RegionCut { region, cut } => {
            format!("{} is cut off from all other regions ({})", names.region(*region), manner(*cut))
        }
        Fault::Partition { left, cut } => {
            format!("{} and the rest do not see each other ({})", names.nodes(left), manner(*cut))
        }
        Fault::OneWay { from, to } => format!("nothing from {} reaches {}", node(*from), node(*to)),
        Fault::Bridge { node: bridge, left } => {
            format!("only {} sees both {} and the rest", node(*bridge), names.nodes(left))
        }
        Fault::Clog { from, to } => format!("messages from {} to {} wait", node(*from), node(*to)),
        Fault::Loss { permille } => format!("{} of all messages are lost", percent(*permille)),
        Fault::Duplicate { permille } => format!("{} of all messages come twice", percent(*permille)),
        Fault::Reorder { permille } => format!("{} of all messages overtake others", percent(*permille)),
        Fault::Delay { extra_ms } => {
            format!("links between regions are {} slower each way", duration(*extra_ms))
        }
        Fault::Reset { a, b } => format!("the connections between {} and {} break", node(*a), node(*b)),
        Fault::PowerLoss { node: lost, torn: false } => format!("{} loses power", node(*lost)),
        Fault::PowerLoss { node: lost, torn: true } => {
            format!("{} loses power in the middle of a disk write", node(*lost))
        }
        Fault::RegionPowerLoss { region } => format!("{} loses power", names.region(*region)),
        Fault::Pause { node: paused } => format!("{} does nothing", node(*paused)),
        Fault::LongOutage { node: away } => {
            format!("{} is away until the others' logs no longer reach back to it", node(*away))
        }
        Fault::RegionLost { region } => {
            format!("{} is lost with its disks, then replaced by new nodes", names.region(*region))
        }
        Fault::ClockDrift { node: off, ppm } => {
            format!("the clock of {} runs {ppm:+} millionths off", node(*off))
        }
        Fault::ClockStep { node: off, by_ms } => {
            let way = if *by_ms < 0 { "back" } else { "ahead" };
            format!("the clock of {} jumps {} {way}", node(*off), duration(by_ms.unsigned_abs()))
        }
        Fault::BootClockBack { node: off, by_ms } => {
            format!("{} restarts with its clock {} back", node(*off), duration(*by_ms))
        }
        other => disk_or_members(other, names),
    }
}

fn disk_or_members(fault: &Fault, names: &Names) -> String {
    let node = |id: &_| names.node(*id);
    match fault {
        Fault::FailedSync { node: id } => format!("a sync of {}'s disk fails", node(id)),
        Fault::DiskFull { node: id } => format!("the disk of {} is full", node(id)),
        Fault::DiskError { node: id } => format!("every access to {}'s disk fails", node(id)),
        Fault::SlowDisk { node: id, by_ms } => {
            format!("every access to {}'s disk takes {} longer", node(id), duration(*by_ms))
        }
        Fault::BitFlip { node: id } => {
            format!("{} loses power and one bit of a session on its disk flips", node(id))
        }
        Fault::AddNode { region } => format!("a node joins {}", names.region(*region)),
        Fault::RemoveNode { node: id } => format!("{} is removed for good", node(id)),
        Fault::RemovedNodeReturns { node: id } => {
            format!("{}, removed, comes back with its old disk", node(id))
        }
        Fault::WipedNode { node: id } => format!("{} comes back with its name and an empty disk", node(id)),
        Fault::ClonedDisk { node: id } => format!("a second node starts with a copy of {}'s disk", node(id)),
        Fault::BackupRestored { node: id } => {
            format!("{} starts again from an old copy of its disk", node(id))
        }
        Fault::Poison { node: id } => format!("malformed and lying entries arrive over {}'s link", node(id)),
        Fault::RollingRestart => "every node is restarted, one after the other".to_owned(),
        Fault::Overload { region } => {
            format!("{} gets calls at many times the usual rate", names.region(*region))
        }
        other => other.class().name().to_owned(),
    }
}

fn manner(cut: Cut) -> &'static str {
    match cut {
        Cut::Drop => "messages are lost",
        Cut::Hold => "messages wait",
    }
}

fn percent(permille: u16) -> String {
    format!("{} %", f64::from(permille) / 10.0)
}
