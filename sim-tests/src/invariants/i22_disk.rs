//! I22: a node whose disk has failed acknowledges nothing.

use std::collections::BTreeMap;

use super::Invariant;
use crate::oracle::{Call, Custody, Oracle};
use crate::plan::{Action, Fault, NodeId};
use crate::record::{Answer, Happening, NodeState};

/// From the first failed call of the disk on, once the longest sync interval is
/// over, no write is acknowledged before the node has started again; and no
/// synced one from the moment on that the disk takes nothing. A repeated call
/// and one that changes nothing need no disk.
#[derive(Default)]
pub(crate) struct Disk {
    failed_us: BTreeMap<NodeId, u64>,
    down_us: BTreeMap<NodeId, u64>,
    began_us: BTreeMap<usize, u64>,
}

impl Invariant for Disk {
    fn id(&self) -> &'static str {
        "I22"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::FaultBegan { fault, .. } => {
                self.began_us.insert(*fault, at_us);
                Ok(())
            }
            Happening::FaultObserved { fault, .. } => {
                let began_us = self.began_us.get(fault);
                let fault = oracle.plan().faults.get(*fault).map(|planned| &planned.fault);
                if let Some(
                    Fault::FailedSync { node } | Fault::DiskFull { node } | Fault::DiskError { node },
                ) = fault
                    // What it had done before the node went down was found out at its start.
                    && self.down_us.get(node) < began_us
                {
                    self.failed_us.entry(*node).or_insert(at_us);
                }
                Ok(())
            }
            Happening::Node { node, state: NodeState::Down | NodeState::Refused } => {
                self.failed_us.remove(node);
                self.down_us.insert(*node, at_us);
                Ok(())
            }
            Happening::Answered { operation, again: false, answer: Answer::Acknowledged { node } } => {
                let call = oracle.call((*operation, false)).filter(|call| changes_surely(call));
                call.map_or(Ok(()), |call| self.acknowledged(*node, call, oracle))
            }
            _ => Ok(()),
        }
    }
}

impl Disk {
    fn acknowledged(&self, node: NodeId, call: &Call, oracle: &Oracle) -> Result<(), String> {
        let Some(failed_us) = self.failed_us.get(&node).copied() else { return Ok(()) };
        let noticed_us = failed_us + oracle.nodes().sync_us();
        if call.invoked_us > noticed_us || (call.custody() == Custody::Synced && call.invoked_us > failed_us)
        {
            return Err(format!("{node} acknowledged operation {} after its disk had failed", call.id.0));
        }
        Ok(())
    }
}

/// It needs the disk, whatever the session holds.
fn changes_surely(call: &Call) -> bool {
    use Action::{Add, AddMember, Create, Login, Set};
    matches!(call.planned.action, Create | Set { .. } | Add { .. } | AddMember { .. } | Login { .. })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, synced};
    use super::*;
    use crate::plan::PlannedOperation;
    use crate::record::LostDisk;

    const SET: Action = Action::Set { field: 1 };

    fn failed(write: PlannedOperation) -> Run<Disk> {
        let fault = Fault::FailedSync { node: N[0] };
        let mut run = Run::new(Disk::default()).plans(&[call(Action::Create), write]).faults(&[fault]);
        run.made(0, N[0]).begin(0).observe(0);
        run
    }

    fn made(run: &mut Run<Disk>, node: NodeId) -> Result<(), String> {
        run.done(1, Answer::Acknowledged { node })
    }

    #[test]
    fn nothing_is_acknowledged_from_a_failed_disk() {
        assert!(made(&mut failed(synced(SET)), N[0]).is_err());
        assert_eq!(made(&mut failed(call(SET)), N[0]), Ok(()), "it is found out at the next sync");
        assert!(made(failed(call(SET)).after(1_000), N[0]).is_err());
        assert_eq!(made(failed(call(SET)).after(1_000), N[1]), Ok(()));
        assert_eq!(made(failed(call(SET)).crash(N[0], LostDisk::Unsynced), N[0]), Ok(()));
    }

    #[test]
    fn a_disk_that_was_replaced_before_anybody_noticed_is_sound() {
        let fault = Fault::FailedSync { node: N[0] };
        let mut run = Run::new(Disk::default()).plans(&[call(Action::Create), call(SET)]).faults(&[fault]);
        run.made(0, N[0]).begin(0).crash(N[0], LostDisk::All).observe(0);
        assert_eq!(made(run.after(1_000), N[0]), Ok(()));
    }

    #[test]
    fn what_changes_nothing_needs_no_disk() {
        assert_eq!(made(failed(synced(Action::Touch)).after(1_000), N[0]), Ok(()));
    }
}
