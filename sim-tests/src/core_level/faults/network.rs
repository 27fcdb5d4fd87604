//! Faults of the network.

use super::World;
use crate::core_level::network::{Between, Trouble};
use crate::plan::{Cut, Fault};

fn trouble(fault: &Fault) -> Option<Trouble> {
    Some(match fault {
        Fault::RegionCut { region, cut } => Trouble::Cut(Between::Region(usize::from(*region)), *cut),
        Fault::Partition { left, cut } => Trouble::Cut(Between::Sides(left.clone()), *cut),
        Fault::OneWay { from, to } => Trouble::Cut(Between::One { from: *from, to: *to }, Cut::Drop),
        Fault::Bridge { node, left } => {
            Trouble::Cut(Between::Halves { bridge: *node, left: left.clone() }, Cut::Drop)
        }
        Fault::Clog { from, to } => Trouble::Cut(Between::One { from: *from, to: *to }, Cut::Hold),
        Fault::Loss { permille } => Trouble::Loss { permille: *permille },
        Fault::Duplicate { permille } => Trouble::Duplicate { permille: *permille },
        Fault::Reorder { permille } => Trouble::Reorder { permille: *permille },
        Fault::Delay { extra_ms } => Trouble::Delay { extra_ms: *extra_ms },
        _ => return None,
    })
}

impl World {
    /// False if the fault is none of the network.
    pub(super) fn act_on_network(&mut self, number: usize, fault: &Fault) -> bool {
        if let Fault::Reset { a, b } = fault {
            for conn in self.conns_between(*a, *b) {
                self.reset(conn);
                self.observed(number);
            }
            return true;
        }
        let trouble = trouble(fault);
        let is_some = trouble.is_some();
        if let Some(trouble) = trouble {
            self.network.add(number, trouble);
        }
        is_some
    }

    pub(super) fn undo_on_network(&mut self, number: usize, fault: &Fault) -> bool {
        if matches!(fault, Fault::Reset { .. }) {
            return true;
        }
        if trouble(fault).is_none() {
            return false;
        }
        self.network.remove(number);
        self.release();
        true
    }
}
