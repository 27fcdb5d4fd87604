//! I5: a node that has applied a revocation never serves that session again.

use std::collections::BTreeMap;

use super::Invariant;
use crate::oracle::{Custody, Oracle};
use crate::plan::{Action, NodeId, SessionId};
use crate::record::{Answer, Happening, Shown};

/// From when a node acknowledged a revocation or showed it, it shows the session
/// no more: not for a late write, not after a restart; and it makes no change of it. Only a node that lost
/// power before the revocation was on its disk, or lost its disk, may have
/// forgotten it; then I6 judges the end.
#[derive(Default)]
pub(crate) struct RevocationTerminal {
    known: BTreeMap<(NodeId, SessionId), Vec<Known>>,
}

/// One way in which a node came to know of a revocation.
#[derive(Clone, Copy)]
struct Known {
    custody: Custody,
    /// When it was sent and answered, in microseconds.
    span_us: (u64, u64),
}

impl Invariant for RevocationTerminal {
    fn id(&self) -> &'static str {
        "I5"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Answered { operation, again, answer } => {
                let Some(call) = oracle.call((*operation, *again)) else { return Ok(()) };
                let session = call.planned.session;
                match answer {
                    Answer::Acknowledged { node } | Answer::Partly { node }
                        if call.planned.action == Action::Revoke =>
                    {
                        let span_us = (call.invoked_us, at_us);
                        self.revoked(*node, session, Known { custody: call.custody(), span_us }, oracle);
                        Ok(())
                    }
                    // A second sending is told what the first one did.
                    Answer::Acknowledged { node } | Answer::Partly { node }
                        if call.planned.action.shows_id() && !again =>
                    {
                        let span_us = (call.invoked_us, at_us);
                        match self.knew(*node, session, span_us, oracle) {
                            true => Err(format!(
                                "{node} made operation {operation} on {session}, which it knew to be revoked"
                            )),
                            false => Ok(()),
                        }
                    }
                    Answer::Read { node, shown } => {
                        self.shows(*node, session, shown, (call.invoked_us, at_us), oracle)
                    }
                    _ => Ok(()),
                }
            }
            Happening::Probed { node, session, shown, .. } => {
                self.shows(*node, *session, shown, (oracle.probed_us_min(at_us), at_us), oracle)
            }
            _ => Ok(()),
        }
    }
}

impl RevocationTerminal {
    fn revoked(&mut self, node: NodeId, session: SessionId, known: Known, oracle: &Oracle) {
        let held = self.known.entry((node, session)).or_default();
        // What the disk has lost is forgotten for good, until the node learns it again.
        let is_kept =
            |known: &Known, until_us| oracle.nodes().keeps(node, known.custody, known.span_us, until_us);
        held.retain(|earlier| is_kept(earlier, known.span_us.1));
        // The first of each kind is the one that is on the disk first.
        if held.iter().all(|earlier| earlier.custody != known.custody) {
            held.push(known);
        }
    }

    /// Whether a node knew of a revocation before a span, and has not forgotten it until its end.
    fn knew(
        &self,
        node: NodeId,
        session: SessionId,
        (from_us, until_us): (u64, u64),
        oracle: &Oracle,
    ) -> bool {
        let known = self.known.get(&(node, session)).into_iter().flatten();
        let mut known = known.filter(|known| known.span_us.1 < from_us);
        known.any(|known| oracle.nodes().keeps(node, known.custody, known.span_us, until_us))
    }

    fn shows(
        &mut self,
        node: NodeId,
        session: SessionId,
        shown: &Shown,
        (from_us, at_us): (u64, u64),
        oracle: &Oracle,
    ) -> Result<(), String> {
        match shown {
            // It may hold the revocation as a part of a record that it took over.
            // Of a session that changes its principal a logout of one of them holds only as long.
            Shown::Revoked if oracle.may_be_logged_out(session) => {}
            Shown::Revoked => {
                let known = Known { custody: Custody::Taken, span_us: (from_us, at_us) };
                self.revoked(node, session, known, oracle);
            }
            Shown::Live(_) | Shown::Rotated => {
                if self.knew(node, session, (from_us, at_us), oracle) {
                    return Err(format!("{node} shows {session} live, which it knew to be revoked"));
                }
            }
            Shown::Absent | Shown::Partial => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live};
    use super::*;
    use crate::plan::Fault;
    use crate::record::LostDisk;

    fn run() -> Run<RevocationTerminal> {
        let mut run = planned();
        run.made(0, N[0]);
        run
    }

    fn planned() -> Run<RevocationTerminal> {
        let plan = [call(Action::Create), call(Action::Revoke), call(Action::Read), call(Action::Read)];
        Run::new(RevocationTerminal::default()).plans(&plan)
    }

    #[test]
    fn who_revoked_it_or_showed_it_revoked_shows_it_no_more() {
        assert!(run().made(1, N[0]).read(2, N[0], live(|_| {})).is_err());
        assert_eq!(run().made(1, N[0]).read(2, N[1], live(|_| {})), Ok(()), "another node");
        let mut seen = run();
        seen.made(1, N[0]).read(2, N[1], Shown::Revoked).unwrap();
        assert!(seen.probe(N[1], live(|_| {}), 1).is_err());
    }

    #[test]
    fn who_revoked_it_makes_no_change_of_it() {
        let rotation = call(Action::Rotate { grace_ms: 0 });
        let plan = [call(Action::Create), call(Action::Revoke), rotation];
        let made = |node| {
            let mut run = Run::new(RevocationTerminal::default()).plans(&plan);
            run.made(0, N[0]).made(1, N[0]).done(2, Answer::Acknowledged { node })
        };
        assert!(made(N[0]).is_err());
        assert_eq!(made(N[1]), Ok(()), "another one need not know");
    }

    #[test]
    fn a_read_that_began_before_may_show_it() {
        let mut run = run();
        run.invoke(2).made(1, N[0]);
        assert_eq!(run.answer(2, Answer::Read { node: N[0], shown: live(|_| {}) }), Ok(()));
    }

    #[test]
    fn an_old_copy_of_the_disk_brings_it_back_only_if_it_was_made_before() {
        let restored = |fault| {
            let copies = [Fault::BackupRestored { node: N[0] }, Fault::BackupRestored { node: N[0] }];
            let mut run = planned().faults(&copies);
            run.begin(0).after(10_000).made(0, N[0]).made(1, N[0]).after(10_000).begin(1).after(10_000);
            run.crash(N[0], LostDisk::SinceBackup { fault });
            run.read(2, N[0], live(|_| {}))
        };
        assert_eq!(restored(0), Ok(()));
        assert!(restored(1).is_err());
    }

    #[test]
    fn who_learnt_it_again_after_a_loss_shows_it_no_more() {
        let lost = || {
            let mut run = run();
            run.made(1, N[0]).probe(N[1], Shown::Revoked, 1).unwrap();
            run.after(20_000).crash(N[1], LostDisk::All);
            run
        };
        assert_eq!(lost().read(2, N[1], live(|_| {})), Ok(()));
        let mut again = lost();
        again.probe(N[1], Shown::Revoked, 1).unwrap();
        assert!(again.read(2, N[1], live(|_| {})).is_err());
        let mut between = lost();
        between.invoke(2).crash(N[1], LostDisk::All);
        between.answer(2, Answer::Read { node: N[1], shown: Shown::Revoked }).unwrap();
        assert_eq!(between.read(3, N[1], live(|_| {})), Ok(()), "it may have said so before the loss");
    }

    #[test]
    fn a_restart_brings_it_back_only_if_it_was_not_on_the_disk() {
        let mut young = run();
        young.made(1, N[0]).crash(N[0], LostDisk::Unsynced);
        assert_eq!(young.read(2, N[0], live(|_| {})), Ok(()));
        let mut old = run();
        old.made(1, N[0]).after(10_000).crash(N[0], LostDisk::Unsynced);
        assert!(old.read(2, N[0], live(|_| {})).is_err());
        let mut wiped = run();
        wiped.made(1, N[0]).after(10_000).crash(N[0], LostDisk::All);
        assert_eq!(wiped.read(2, N[0], live(|_| {})), Ok(()));
    }
}
