//! Who is in a fault's hands, and when.
//!
//! At the full level a fault has its nodes to itself, and another one that wants
//! them meanwhile does nothing. So that a plan has as many faults as it says, none
//! is drawn of which that is known beforehand.

use super::super::{Fault, NodeId, PlannedFault, Shape};

/// Nodes in the hands of the faults drawn so far.
#[derive(Default)]
pub(super) struct Taken(Vec<(NodeId, u64, u64)>);

impl Taken {
    /// Whether no other fault has one of this fault's nodes at that time.
    pub(super) fn leaves(&self, planned: &PlannedFault, shape: &Shape) -> bool {
        let (from_ms, until_ms) = span_ms(planned);
        let nodes = nodes(&planned.fault, shape);
        let clashes = |(of, from, until): &(NodeId, u64, u64)| {
            nodes.contains(of) && *from <= until_ms && from_ms <= *until
        };
        !self.0.iter().any(clashes)
    }

    /// Takes a fault's nodes.
    pub(super) fn take(&mut self, planned: &PlannedFault, shape: &Shape) {
        // What is copied goes on as it was.
        if !matches!(planned.fault, Fault::ClonedDisk { .. }) {
            let (from_ms, until_ms) = span_ms(planned);
            self.0.extend(nodes(&planned.fault, shape).into_iter().map(|node| (node, from_ms, until_ms)));
        }
    }
}

fn span_ms(planned: &PlannedFault) -> (u64, u64) {
    let until_ms = if is_for_good(&planned.fault) { u64::MAX } else { planned.at_ms + planned.lasts_ms };
    (planned.at_ms, until_ms)
}

/// What a fault must have to itself, or at least find running.
fn nodes(fault: &Fault, shape: &Shape) -> Vec<NodeId> {
    match fault {
        // These leave the node running, and find it running or do not mind.
        Fault::SlowDisk { .. }
        | Fault::ClockDrift { .. }
        | Fault::ClockStep { .. }
        | Fault::Poison { .. } => Vec::new(),
        Fault::RegionPowerLoss { region } | Fault::RegionLost { region } => {
            let placed = shape.placed().filter(|(_, of)| *of == usize::from(*region));
            placed.map(|(node, _)| node).collect()
        }
        _ => fault.node().into_iter().collect(),
    }
}

fn is_for_good(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::RegionLost { .. }
            | Fault::RemoveNode { .. }
            | Fault::RemovedNodeReturns { .. }
            | Fault::WipedNode { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::super::draw;
    use super::*;
    use crate::plan::Level;

    fn planned(at_ms: u64, lasts_ms: u64, fault: Fault) -> PlannedFault {
        PlannedFault { at_ms, lasts_ms, fault }
    }

    #[test]
    fn a_node_is_in_one_faults_hands_at_a_time() {
        let shape = draw(0, Level::Full).shape;
        let (node, other) = (NodeId(0), NodeId(1));
        let mut taken = Taken::default();
        let leaves =
            |taken: &Taken, at_ms, lasts_ms, fault| taken.leaves(&planned(at_ms, lasts_ms, fault), &shape);
        taken.take(&planned(10, 10, Fault::Pause { node }), &shape);
        assert!(!leaves(&taken, 15, 1, Fault::DiskFull { node }));
        assert!(!leaves(&taken, 5, 10, Fault::ClonedDisk { node }), "it does not run");
        assert!(leaves(&taken, 15, 1, Fault::DiskFull { node: other }));
        assert!(leaves(&taken, 15, 1, Fault::SlowDisk { node, by_ms: 1 }));
        assert!(leaves(&taken, 30, 1, Fault::Pause { node }));
        taken.take(&planned(30, 1, Fault::RegionLost { region: 0 }), &shape);
        assert!(!leaves(&taken, 50, 1, Fault::Pause { node }), "it is gone for good");
        assert!(leaves(&taken, 0, 5, Fault::Pause { node }));
    }
}
