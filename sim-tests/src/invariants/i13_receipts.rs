//! I13: what a receipt says of a logout elsewhere is true there.

use std::collections::BTreeMap;

use super::Invariant;
use crate::oracle::{Custody, Oracle};
use crate::plan::{NodeId, SessionId};
use crate::record::{Answer, Happening, Shown};

/// A node that is gone is noticed by its silence: three seconds, and a slow link.
const NOTICED_US_MAX: u64 = 5_000_000;

/// Once a receipt says that a region has applied a revocation, no replica that it
/// counted there shows the session, unless it has lost its power or its disk since it
/// said that it holds it, which was a little before the receipt.
#[derive(Default)]
pub(crate) struct Receipts {
    /// When a receipt counted a replica first, in microseconds, and who gave it: first since
    /// the replica may have lost what it had.
    counted: BTreeMap<(NodeId, SessionId), (u64, NodeId)>,
}

impl Invariant for Receipts {
    fn id(&self) -> &'static str {
        "I13"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Applied { node: by, session, replicas, .. } => {
                for node in replicas {
                    let counted = self.counted.entry((*node, *session)).or_insert((at_us, *by));
                    if !holds(*node, counted.0, at_us, oracle) {
                        *counted = (at_us, *by);
                    }
                }
                Ok(())
            }
            Happening::Probed { node, session, shown, .. } => {
                self.shows(*node, *session, shown, (oracle.probed_us_min(at_us), at_us), oracle)
            }
            Happening::Answered { operation, again, answer: Answer::Read { node, shown } } => {
                let Some(call) = oracle.call((*operation, *again)) else { return Ok(()) };
                self.shows(*node, call.planned.session, shown, (call.invoked_us, at_us), oracle)
            }
            _ => Ok(()),
        }
    }
}

impl Receipts {
    fn shows(
        &self,
        node: NodeId,
        session: SessionId,
        shown: &Shown,
        (from_us, until_us): (u64, u64),
        oracle: &Oracle,
    ) -> Result<(), String> {
        let Some((counted_us, by)) = self.counted.get(&(node, session)) else { return Ok(()) };
        let is_live = matches!(shown, Shown::Live(_) | Shown::Rotated);
        if is_live && *counted_us <= from_us && holds(node, *counted_us, until_us, oracle) {
            return Err(format!(
                "{node} shows {session} live, though a receipt of {by} says that its region has ended it"
            ));
        }
        Ok(())
    }
}

/// Whether a replica that was counted still has what it said that it holds.
fn holds(node: NodeId, counted_us: u64, until_us: u64, oracle: &Oracle) -> bool {
    let said_us = counted_us.saturating_sub(NOTICED_US_MAX);
    oracle.nodes().keeps(node, Custody::Taken, (said_us, counted_us), until_us)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, SESSION, call, live};
    use super::*;
    use crate::plan::Action;
    use crate::record::LostDisk;

    fn run() -> Run<Receipts> {
        let plan = [call(Action::Create), call(Action::Revoke), call(Action::Read)];
        let mut run = Run::new(Receipts::default()).plans(&plan);
        run.made(0, N[0]).made(1, N[0]);
        run
    }

    fn counted() -> Run<Receipts> {
        let mut run = run();
        let replicas = vec![N[0], N[1]];
        let applied = Happening::Applied { node: N[0], session: SESSION, region: "eu".into(), replicas };
        run.tell(applied).unwrap();
        run
    }

    #[test]
    fn a_replica_that_was_counted_shows_it_no_more() {
        assert_eq!(run().probe(N[1], live(|_| {}), 1), Ok(()), "no receipt names it");
        assert!(counted().probe(N[1], live(|_| {}), 1).is_err());
        assert!(counted().read(2, N[1], Shown::Rotated).is_err(), "live, under another id");
        assert_eq!(counted().read(2, N[1], Shown::Revoked), Ok(()));
        assert_eq!(counted().probe(N[2], live(|_| {}), 1), Ok(()), "it was not counted");
    }

    #[test]
    fn who_lost_its_power_just_before_may_show_it_and_who_lost_it_long_before_may_not() {
        for (after_ms, may_show) in [(1_000, true), (20_000, false)] {
            let mut run = run();
            run.crash(N[1], LostDisk::Unsynced).after(after_ms);
            let (region, replicas) = ("eu".into(), vec![N[1]]);
            run.tell(Happening::Applied { node: N[0], session: SESSION, region, replicas }).unwrap();
            assert_eq!(run.probe(N[1], live(|_| {}), 1).is_ok(), may_show, "{after_ms} ms after");
        }
    }

    #[test]
    fn who_was_counted_again_after_a_loss_shows_it_no_more() {
        let mut run = counted();
        run.crash(N[1], LostDisk::All).after(20_000);
        assert_eq!(run.probe(N[1], live(|_| {}), 1), Ok(()));
        let (region, replicas) = ("eu".into(), vec![N[1]]);
        run.tell(Happening::Applied { node: N[0], session: SESSION, region, replicas }).unwrap();
        assert!(run.probe(N[1], live(|_| {}), 1).is_err());
    }

    #[test]
    fn who_lost_its_power_at_once_or_was_asked_before_may_show_it() {
        let mut young = counted();
        young.crash(N[1], LostDisk::Unsynced);
        assert_eq!(young.probe(N[1], live(|_| {}), 1), Ok(()));
        let mut old = counted();
        old.after(10_000).crash(N[1], LostDisk::Unsynced);
        assert!(old.probe(N[1], live(|_| {}), 1).is_err());
        let mut before = run();
        before.invoke(2);
        let replicas = vec![N[1]];
        let applied = Happening::Applied { node: N[0], session: SESSION, region: "eu".into(), replicas };
        before.tell(applied).unwrap();
        assert_eq!(before.answer(2, Answer::Read { node: N[1], shown: live(|_| {}) }), Ok(()));
    }
}
