//! What faults act on, as short as a label must be.

use super::time::spoken_offset;
use crate::plan::Fault;
use crate::prose::Names;

/// What a fault acts on, in a few letters for the label of a row.
pub(super) fn target(fault: &Fault, names: &Names) -> String {
    let name = |node| names.node(node);
    match fault {
        Fault::RegionCut { region, .. }
        | Fault::RegionPowerLoss { region }
        | Fault::RegionLost { region }
        | Fault::AddNode { region }
        | Fault::Overload { region } => names.region(*region),
        Fault::Partition { left, .. } => format!("{} | rest", names.nodes(left)),
        Fault::Bridge { node, left } => format!("{} | rest, by {}", names.nodes(left), name(*node)),
        Fault::OneWay { from, to } | Fault::Clog { from, to } => format!("{} → {}", name(*from), name(*to)),
        Fault::Reset { a, b } => format!("{} – {}", name(*a), name(*b)),
        Fault::Loss { permille } | Fault::Duplicate { permille } | Fault::Reorder { permille } => {
            format!("{permille} ‰")
        }
        Fault::Delay { extra_ms } => spoken_offset(i64::try_from(*extra_ms).unwrap_or(i64::MAX)),
        Fault::ClockDrift { node, ppm } => format!("{}, {ppm:+} ppm", name(*node)),
        Fault::ClockStep { node, by_ms } => format!("{}, {}", name(*node), spoken_offset(*by_ms)),
        Fault::BootClockBack { node, by_ms } => {
            format!("{}, {}", name(*node), spoken_offset(i64::try_from(*by_ms).map_or(i64::MIN, |ms| -ms)))
        }
        Fault::SlowDisk { node, by_ms } => format!("{}, +{by_ms} ms", name(*node)),
        other => other.node().map_or_else(|| "all nodes".into(), name),
    }
}
