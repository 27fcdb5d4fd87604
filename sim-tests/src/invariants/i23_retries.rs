//! I23: a call that is repeated under its idempotency key has one effect.

use std::collections::BTreeSet;

use super::Invariant;
use crate::oracle::Oracle;
use crate::plan::SessionId;
use crate::record::{Answer, Content, Happening, Shown};

/// No replica ever counts more than all calls on the session can have added.
/// A key is known to one start of one node: at another node, or after a
/// restart, a repeated call may count again.
pub(crate) struct Retries;

impl Invariant for Retries {
    fn id(&self) -> &'static str {
        "I23"
    }

    fn check(&mut self, _: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Answered {
                operation,
                again,
                answer: Answer::Read { shown: Shown::Live(content), .. },
            } => {
                let Some(call) = oracle.call((*operation, *again)) else { return Ok(()) };
                counted(call.planned.session, content, oracle)
            }
            Happening::Probed { session, shown: Shown::Live(content), .. } => {
                counted(*session, content, oracle)
            }
            _ => Ok(()),
        }
    }
}

fn counted(session: SessionId, content: &Content, oracle: &Oracle) -> Result<(), String> {
    let (least, most) = oracle.counter_range(session, &BTreeSet::new());
    let counter = content.counter;
    if (least..=most).contains(&counter) || !oracle.is_planned(session) {
        return Ok(());
    }
    Err(format!("counter of {session} is {counter}; all calls together make it {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live};
    use super::*;
    use crate::plan::{Action, NodeId};
    use crate::record::LostDisk;

    fn repeated_at(node: NodeId) -> Run<Retries> {
        let plan = [call(Action::Create), call(Action::Add { amount: 4 }), call(Action::Read)];
        let mut run = Run::new(Retries).plans(&plan);
        run.made(0, N[0]).made(1, N[0]);
        run.again(1, Answer::Acknowledged { node }).unwrap();
        run
    }

    fn counts(run: &mut Run<Retries>, counter: i64) -> Result<(), String> {
        run.read(2, N[0], live(|content| content.counter = counter))
    }

    #[test]
    fn the_same_node_counts_it_once() {
        assert_eq!(counts(&mut repeated_at(N[0]), 4), Ok(()));
        assert!(counts(&mut repeated_at(N[0]), 8).is_err());
        assert_eq!(counts(&mut repeated_at(N[1]), 8), Ok(()), "another node does not know the key");
        assert!(counts(&mut repeated_at(N[1]), 12).is_err());
    }

    #[test]
    fn a_restart_forgets_keys() {
        let plan = [call(Action::Create), call(Action::Add { amount: 4 }), call(Action::Read)];
        let mut run = Run::new(Retries).plans(&plan);
        run.made(0, N[0]).made(1, N[0]).crash(N[0], LostDisk::Unsynced);
        run.again(1, Answer::Acknowledged { node: N[0] }).unwrap();
        assert_eq!(counts(&mut run, 8), Ok(()));
    }
}
