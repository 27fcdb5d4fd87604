//! Which region each node is in, those that faults added included.

use std::collections::BTreeMap;

use crate::plan::{Fault, NodeId, Plan};
use crate::record::{Happening, Outcome};

/// The nodes that were seen, and the index of each one's region.
pub(super) struct Places {
    regions: BTreeMap<NodeId, usize>,
}

impl Places {
    /// A node that the shape does not have is in the region of the fault that
    /// last began or ended before it was first seen, if that fault adds nodes.
    pub(super) fn new(plan: &Plan, outcome: &Outcome) -> Self {
        let mut regions: BTreeMap<NodeId, usize> = plan.shape.placed().collect();
        let mut adds_to = None;
        for (_, happening) in &outcome.timeline {
            match happening {
                Happening::FaultBegan { fault, .. } | Happening::FaultEnded { fault, .. } => {
                    let fault = plan.faults.get(*fault).map(|planned| &planned.fault);
                    adds_to = fault.and_then(|fault| region_added_to(fault, &regions)).or(adds_to);
                }
                Happening::Node { node, .. } if !regions.contains_key(node) => {
                    regions.insert(*node, adds_to.unwrap_or(0));
                }
                _ => {}
            }
        }
        Self { regions }
    }

    /// Every node with the index of its region.
    pub(super) fn all(&self) -> impl Iterator<Item = (NodeId, usize)> {
        self.regions.iter().map(|(node, region)| (*node, *region))
    }

    /// The index of a node's region.
    pub(super) fn region_of(&self, node: NodeId) -> usize {
        self.regions.get(&node).copied().unwrap_or(0)
    }
}

fn region_added_to(fault: &Fault, regions: &BTreeMap<NodeId, usize>) -> Option<usize> {
    match fault {
        Fault::AddNode { region } | Fault::RegionLost { region } => Some(usize::from(*region)),
        Fault::ClonedDisk { node } => regions.get(node).copied(),
        _ => None,
    }
}
