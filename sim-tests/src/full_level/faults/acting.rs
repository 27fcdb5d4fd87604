//! What a fault does while it acts.

use std::sync::Arc;

use super::super::node::SimNode;
use super::super::world::World;
use super::{disk, fencing, membership, network, power};
use crate::plan::{Fault, NodeId};
use crate::run::RunError;

/// Whether a fault is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    GoesOn,
    Over,
}

/// A fault that acts.
pub(super) trait Acting {
    /// Whether it has changed something by now.
    fn is_felt(&self, world: &World) -> bool;

    /// Goes on by one tick; `ending` once its time is over.
    ///
    /// # Errors
    /// If the simulation cannot go on.
    fn go_on(&mut self, world: &mut World, ending: bool) -> Result<Progress, RunError>;
}

/// A fault that is done with something at its end, in one step.
pub(super) struct Simple<F, E> {
    pub(super) is_felt: F,
    pub(super) end: E,
}

impl<F: Fn(&World) -> bool, E: FnMut(&mut World)> Acting for Simple<F, E> {
    fn is_felt(&self, world: &World) -> bool {
        (self.is_felt)(world)
    }

    fn go_on(&mut self, world: &mut World, ending: bool) -> Result<Progress, RunError> {
        if !ending {
            return Ok(Progress::GoesOn);
        }
        (self.end)(world);
        Ok(Progress::Over)
    }
}

/// A fault in hand; none if it does not apply now.
pub(super) type Begun = Option<Box<dyn Acting>>;

/// Lets a fault begin.
pub(super) fn begin(world: &mut World, number: usize, fault: &Fault) -> Result<Begun, RunError> {
    Ok(match fault {
        Fault::RegionCut { .. }
        | Fault::Partition { .. }
        | Fault::OneWay { .. }
        | Fault::Bridge { .. }
        | Fault::Clog { .. }
        | Fault::Loss { .. }
        | Fault::Delay { .. }
        | Fault::Reset { .. }
        | Fault::Overload { .. } => network::begin(world, number, fault),
        Fault::PowerLoss { .. }
        | Fault::RegionPowerLoss { .. }
        | Fault::Pause { .. }
        | Fault::LongOutage { .. }
        | Fault::ClockDrift { .. }
        | Fault::ClockStep { .. }
        | Fault::BootClockBack { .. }
        | Fault::RollingRestart => power::begin(world, number, fault),
        Fault::FailedSync { .. }
        | Fault::DiskFull { .. }
        | Fault::DiskError { .. }
        | Fault::SlowDisk { .. }
        | Fault::BitFlip { .. }
        | Fault::BackupRestored { .. } => disk::begin(world, number, fault),
        Fault::RegionLost { .. } | Fault::AddNode { .. } | Fault::RemoveNode { .. } => {
            membership::begin(world, number, fault)?
        }
        Fault::RemovedNodeReturns { .. } | Fault::WipedNode { .. } | Fault::ClonedDisk { .. } => {
            fencing::begin(world, number, fault)?
        }
        Fault::Duplicate { .. } | Fault::Reorder { .. } | Fault::Poison { .. } => None,
    })
}

impl World {
    /// A node that runs and that no other fault has; it is claimed.
    pub(super) fn claim(&mut self, id: NodeId) -> Option<Arc<SimNode>> {
        let node = self.node(id).filter(|node| node.is_running())?;
        self.claimed.insert(id).then_some(node)
    }
}
