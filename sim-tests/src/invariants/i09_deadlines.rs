//! I9: the absolute deadline never grows, and the idle one never passes it.

use std::collections::BTreeMap;

use super::Invariant;
use crate::oracle::Oracle;
use crate::plan::{NodeId, SessionId};
use crate::record::{Answer, Content, EPOCH_MS, Happening, LostDisk, Shown};

/// On one node the absolute deadline of a session stays or shrinks (two creations
/// of one id merge into the earlier one), on all nodes it is within the time-out
/// of the creation, and no session lasts longer than it.
#[derive(Default)]
pub(crate) struct Deadlines {
    least: BTreeMap<(NodeId, SessionId), Least>,
}

/// The earliest deadline that a node has shown.
struct Least {
    deadline_ms: u64,
    /// The node has lost unsynced writes since, and with them perhaps what it showed.
    may_be_lost: bool,
}

impl Invariant for Deadlines {
    fn id(&self) -> &'static str {
        "I9"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Answered {
                operation,
                again,
                answer: Answer::Read { node, shown: Shown::Live(content) },
            } => {
                let Some(call) = oracle.call((*operation, *again)) else { return Ok(()) };
                self.shows(at_us, (*node, call.planned.session), content, oracle)
            }
            Happening::Probed { node, session, shown: Shown::Live(content), .. } => {
                self.shows(at_us, (*node, *session), content, oracle)
            }
            Happening::DiskLost { node, lost } if *lost != LostDisk::Unsynced => {
                self.least.retain(|(of, _), _| of != node);
                Ok(())
            }
            Happening::DiskLost { node, .. } => {
                for (_, least) in self.least.iter_mut().filter(|((of, _), _)| of == node) {
                    least.may_be_lost = true;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Deadlines {
    fn shows(
        &mut self,
        at_us: u64,
        (node, session): (NodeId, SessionId),
        content: &Content,
        oracle: &Oracle,
    ) -> Result<(), String> {
        let Content { absolute_deadline_ms, expires_at_ms, .. } = *content;
        if expires_at_ms > absolute_deadline_ms {
            return Err(format!("{node}: {session} lasts beyond its absolute deadline"));
        }
        let shown = Least { deadline_ms: absolute_deadline_ms, may_be_lost: false };
        if let Some(least) = self.least.insert((node, session), shown) {
            // A creation may be lost in a crash, and one that a clock far behind has made
            // is over at once: then the id is free for another one.
            let is_over = least.deadline_ms < EPOCH_MS + at_us / 1_000;
            let is_another = oracle.creates(session).len() > 1 && (least.may_be_lost || is_over);
            if absolute_deadline_ms > least.deadline_ms && !is_another {
                let by_ms = absolute_deadline_ms - least.deadline_ms;
                return Err(format!("{node}: the absolute deadline of {session} grew by {by_ms} ms"));
            }
        }
        let latest_ms = oracle.absolute_deadline_us_max(session).map(|us| EPOCH_MS + us / 1_000);
        if latest_ms.is_some_and(|latest_ms| absolute_deadline_ms > latest_ms) {
            return Err(format!(
                "{node}: the absolute deadline of {session} is later than any creation gave it"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, content, live};
    use super::*;
    use crate::plan::Action;

    fn run() -> Run<Deadlines> {
        let mut run = Run::new(Deadlines::default()).plans(&[call(Action::Create), call(Action::Read)]);
        run.made(0, N[0]);
        run
    }

    fn moved(by_ms: i64) -> Shown {
        let moved = |ms: &mut u64| *ms = ms.saturating_add_signed(by_ms);
        live(|content| {
            moved(&mut content.absolute_deadline_ms);
            moved(&mut content.expires_at_ms);
        })
    }

    #[test]
    fn it_may_shrink_and_not_grow() {
        let mut run = run();
        for (by_ms, is_held) in [(0, true), (-200, true), (-200, true), (-100, false)] {
            assert_eq!(run.read(1, N[0], moved(by_ms)).is_ok(), is_held, "{by_ms}");
        }
        assert_eq!(run.read(1, N[1], moved(0)), Ok(()), "another node has not merged yet");
    }

    #[test]
    fn a_second_creation_may_follow_one_that_is_over() {
        for (lies_back_ms, is_held) in [(3_600_000, true), (1_800_000, false)] {
            let mut run = Run::new(Deadlines::default()).plans(&[
                call(Action::Create),
                call(Action::Create),
                call(Action::Read),
            ]);
            run.made(0, N[0]).made(1, N[1]);
            run.read(2, N[0], moved(-lies_back_ms)).unwrap();
            assert_eq!(run.after(1_000).read(2, N[0], moved(0)).is_ok(), is_held, "{lies_back_ms}");
        }
    }

    #[test]
    fn a_second_creation_may_follow_one_that_was_lost() {
        for (lost, is_held) in [(true, true), (false, false)] {
            let mut run = Run::new(Deadlines::default()).plans(&[
                call(Action::Create),
                call(Action::Read),
                call(Action::Create),
            ]);
            run.made(0, N[0]);
            run.read(1, N[0], moved(-200)).unwrap();
            if lost {
                run.crash(N[0], LostDisk::Unsynced);
            }
            run.made(2, N[0]);
            assert_eq!(run.read(1, N[0], moved(0)).is_ok(), is_held, "{lost}");
        }
    }

    #[test]
    fn it_is_within_the_time_out_of_the_creation() {
        assert!(run().read(1, N[0], moved(60_000)).is_err());
    }

    #[test]
    fn the_idle_deadline_is_not_beyond_it() {
        let beyond = live(|shown| shown.expires_at_ms = content().absolute_deadline_ms + 1);
        assert!(run().probe(N[0], beyond, 1).is_err());
    }
}
