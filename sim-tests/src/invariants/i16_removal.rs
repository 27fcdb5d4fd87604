//! I16: a record goes only when no copy that it guards against can still be live.

use std::collections::BTreeMap;

use super::Invariant;
use crate::oracle::Oracle;
use crate::plan::{Level, NodeId, SessionId};
use crate::record::{Happening, NodeState, Shown};

/// A node that held a record holds it until the session's absolute deadline is
/// over by the removal margin and the permitted clock offset. A node that lost a
/// part of its disk, or whose clock was moved, may hold it no more, and so may
/// one whose partitions have moved to other nodes.
#[derive(Default)]
pub(crate) struct Removal {
    holds: BTreeMap<(NodeId, SessionId), u64>,
}

impl Invariant for Removal {
    fn id(&self) -> &'static str {
        "I16"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::DiskLost { node, .. }
            | Happening::Node { node, state: NodeState::Down | NodeState::Refused | NodeState::Removed } => {
                self.holds.retain(|(of, _), _| of != node);
            }
            Happening::Probed { node, session, state_hash: 0, .. } => {
                if let Some(since_us) = self.holds.remove(&(*node, *session)) {
                    may_go(*node, *session, since_us, at_us, oracle)?;
                }
            }
            // A look from outside cannot tell a record that has run out from one that is gone.
            Happening::Probed { shown, .. }
                if oracle.plan().level == Level::Full && *shown != Shown::Revoked => {}
            // What a logout everywhere has ended may run out like any other.
            Happening::Probed { session, .. }
                if oracle.plan().level == Level::Full && oracle.may_be_logged_out(*session) => {}
            Happening::Probed { node, session, .. } => {
                self.holds.entry((*node, *session)).or_insert(at_us);
            }
            _ => {}
        }
        Ok(())
    }
}

fn may_go(
    node: NodeId,
    session: SessionId,
    since_us: u64,
    at_us: u64,
    oracle: &Oracle,
) -> Result<(), String> {
    let shape = &oracle.plan().shape;
    let nodes = oracle.nodes();
    if nodes.is_layout_changed() || nodes.has_clock_trouble(node, since_us, at_us) {
        return Ok(());
    }
    let Some(deadline_us) = oracle.absolute_deadline_us_min(session) else { return Ok(()) };
    // Two clocks are within the permitted offset of each other, which the product adds.
    let until_us = deadline_us + 1_000 * shape.removal_margin_ms;
    if at_us + 1_000 < until_us {
        let early_ms = (until_us - at_us) / 1_000;
        return Err(format!("{node} gave up its record of {session} {early_ms} ms too early"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call};
    use super::*;
    use crate::plan::{Action, Fault};
    use crate::record::LostDisk;

    fn run() -> Run<Removal> {
        let mut run = Run::new(Removal::default())
            .plans(&[call(Action::Create)])
            .shaped(|plan| plan.shape.absolute_timeout_ms = 10_000)
            .faults(&[Fault::AddNode { region: 0 }]);
        run.made(0, N[0]).probe(N[0], Shown::Revoked, 7).unwrap();
        run
    }

    fn gone(run: &mut Run<Removal>) -> Result<(), String> {
        run.probe(N[0], Shown::Absent, 0)
    }

    #[test]
    fn a_record_stays_until_its_margin_is_over() {
        assert!(gone(run().after(10_900)).is_err());
        assert_eq!(gone(run().after(11_100)), Ok(()));
    }

    #[test]
    fn a_disk_may_lose_it_and_a_partition_may_move() {
        assert_eq!(gone(run().crash(N[0], LostDisk::All)), Ok(()));
        assert_eq!(gone(run().begin(0)), Ok(()));
        assert!(gone(run().crash(N[1], LostDisk::All)).is_err());
    }
}
