//! The nodes and regions that a fault names, and whether a plan has them.

use crate::plan::{Fault, NodeId, Plan};

/// A plan that names something that it does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to run.
    #[error("the plan has no {0}")]
    Without(&'static str),
    /// A fault names a node or a region beyond those there are.
    #[error("fault {fault} names a node or a region that the plan does not have")]
    FaultPlace {
        /// Its index.
        fault: usize,
    },
    /// An operation names a client or a session beyond those there are.
    #[error("operation {operation} names a client or a session that the plan does not have")]
    OperationPlace {
        /// Its index.
        operation: usize,
    },
    /// Faults or operations are not in the order of their times.
    #[error("the {0} are not ordered by time")]
    Order(&'static str),
}

/// Refuses a plan that names what it does not have. Plans that are drawn never do; files may.
///
/// # Errors
/// [`PlanError`] names the first thing that is wrong.
pub fn validate(plan: &Plan) -> Result<(), PlanError> {
    let shape = &plan.shape;
    if shape.regions.is_empty() {
        return Err(PlanError::Without("region"));
    }
    if shape.regions.iter().any(|region| region.nodes == 0) {
        return Err(PlanError::Without("node in one of its regions"));
    }
    let nodes = nodes_ever(plan);
    let regions = shape.regions.len();
    let node = |id: NodeId| (u32::from(id.0) < nodes).then_some(id);
    let region = |index: u16| (usize::from(index) < regions).then_some(index);
    for (fault, planned) in plan.faults.iter().enumerate() {
        if renumber(&planned.fault, node, region).as_ref() != Some(&planned.fault) {
            return Err(PlanError::FaultPlace { fault });
        }
    }
    for (operation, call) in plan.operations.iter().enumerate() {
        if call.client >= shape.clients || call.session.0 >= shape.sessions {
            return Err(PlanError::OperationPlace { operation });
        }
    }
    if !plan.faults.is_sorted_by_key(|planned| planned.at_ms) {
        return Err(PlanError::Order("faults"));
    }
    if !plan.operations.is_sorted_by_key(|call| call.at_ms) {
        return Err(PlanError::Order("operations"));
    }
    Ok(())
}

/// The nodes at the start and all that faults may add.
fn nodes_ever(plan: &Plan) -> u32 {
    let added = plan.faults.iter().map(|planned| match planned.fault {
        Fault::AddNode { .. } | Fault::ClonedDisk { .. } => 1,
        Fault::RegionLost { region } => {
            plan.shape.regions.get(usize::from(region)).map_or(0, |region| u32::from(region.nodes))
        }
        _ => 0,
    });
    u32::from(plan.shape.nodes()) + added.sum::<u32>()
}

/// The fault with its nodes and regions under other numbers; none if one of them
/// has no other number. Of a side of a partition, nodes without one are left out.
pub(crate) fn renumber(
    fault: &Fault,
    node: impl Fn(NodeId) -> Option<NodeId>,
    region: impl Fn(u16) -> Option<u16>,
) -> Option<Fault> {
    let mut fault = fault.clone();
    let (nodes, regions, side) = places(&mut fault);
    for place in nodes {
        *place = node(*place)?;
    }
    for place in regions {
        *place = region(*place)?;
    }
    if let Some(side) = side {
        *side = side.iter().filter_map(|id| node(*id)).collect();
        if side.is_empty() {
            return None;
        }
    }
    Some(fault)
}

type Places<'a> = (Vec<&'a mut NodeId>, Vec<&'a mut u16>, Option<&'a mut Vec<NodeId>>);

fn places(fault: &mut Fault) -> Places<'_> {
    match fault {
        Fault::RegionCut { region, .. }
        | Fault::RegionPowerLoss { region }
        | Fault::RegionLost { region }
        | Fault::AddNode { region }
        | Fault::Overload { region } => (Vec::new(), vec![region], None),
        Fault::Partition { left, .. } => (Vec::new(), Vec::new(), Some(left)),
        Fault::Bridge { node, left } => (vec![node], Vec::new(), Some(left)),
        Fault::OneWay { from, to } | Fault::Clog { from, to } => (vec![from, to], Vec::new(), None),
        Fault::Reset { a, b } => (vec![a, b], Vec::new(), None),
        other => (other.node_mut().into_iter().collect(), Vec::new(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Cut, Level, PlannedFault};
    use crate::scenarios;

    fn plan() -> Plan {
        scenarios::find("region-cut").unwrap().plan(1, Level::Core).unwrap()
    }

    #[test]
    fn a_drawn_plan_is_valid() {
        assert_eq!(validate(&plan()), Ok(()));
    }

    #[test]
    fn places_beyond_the_plan_are_refused() {
        let mut broken = plan();
        broken.faults[0].fault = Fault::RegionCut { region: 9, cut: Cut::Drop };
        assert_eq!(validate(&broken), Err(PlanError::FaultPlace { fault: 0 }));
        broken.faults[0].fault = Fault::Partition { left: vec![NodeId(0), NodeId(99)], cut: Cut::Drop };
        assert_eq!(validate(&broken), Err(PlanError::FaultPlace { fault: 0 }));
        let mut broken = plan();
        broken.operations[3].client = broken.shape.clients;
        assert_eq!(validate(&broken), Err(PlanError::OperationPlace { operation: 3 }));
    }

    #[test]
    fn a_node_that_a_fault_adds_may_be_named() {
        let mut grown = plan();
        let node = NodeId(grown.shape.nodes());
        let later = |at_ms, fault| PlannedFault { at_ms, lasts_ms: 1, fault };
        grown.faults = vec![later(1, Fault::Pause { node })];
        assert!(validate(&grown).is_err());
        grown.faults.insert(0, later(0, Fault::AddNode { region: 0 }));
        assert_eq!(validate(&grown), Ok(()));
    }

    #[test]
    fn order_counts() {
        let mut broken = plan();
        broken.operations.reverse();
        assert_eq!(validate(&broken), Err(PlanError::Order("operations")));
    }

    #[test]
    fn renumbering_drops_what_has_no_number() {
        let only_even = |id: NodeId| id.0.is_multiple_of(2).then_some(NodeId(id.0 / 2));
        let fault = Fault::Bridge { node: NodeId(4), left: vec![NodeId(1), NodeId(2)] };
        let renumbered = renumber(&fault, only_even, Some);
        assert_eq!(renumbered, Some(Fault::Bridge { node: NodeId(2), left: vec![NodeId(1)] }));
        assert_eq!(renumber(&Fault::Pause { node: NodeId(1) }, only_even, Some), None);
    }
}
