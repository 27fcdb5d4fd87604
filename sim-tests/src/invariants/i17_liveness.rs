//! I17: once all is healed, fresh calls succeed everywhere.

use std::collections::BTreeSet;

use super::Invariant;
use crate::oracle::Oracle;
use crate::record::{Answer, Happening, Phase, Shown};

/// Every call of the liveness phase is answered, and well. That replicas are
/// equal in time is judged by I1.
#[derive(Default)]
pub(crate) struct Liveness {
    waiting: BTreeSet<usize>,
}

impl Invariant for Liveness {
    fn id(&self) -> &'static str {
        "I17"
    }

    fn check(&mut self, _: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        let is_fresh = |operation: &usize| *operation >= oracle.plan().operations.len();
        match happening {
            Happening::Invoked { operation, .. } if is_fresh(operation) => {
                self.waiting.insert(*operation);
            }
            Happening::Answered { operation, answer, .. } if is_fresh(operation) => {
                self.waiting.remove(operation);
                let is_well = match answer {
                    Answer::Acknowledged { .. } => true,
                    Answer::Read { shown, .. } => matches!(shown, Shown::Live(_)),
                    _ => false,
                };
                if !is_well {
                    return Err(format!("call {operation} of the liveness phase ended with {answer:?}"));
                }
            }
            Happening::Phase(Phase::Comparison) => return self.nothing_waits(),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _: &Oracle) -> Result<(), String> {
        self.nothing_waits()
    }
}

impl Liveness {
    fn nothing_waits(&self) -> Result<(), String> {
        match self.waiting.first() {
            Some(operation) => Err(format!("call {operation} of the liveness phase was never answered")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live};
    use super::*;
    use crate::plan::Action;
    use crate::record::Refusal;

    fn run() -> Run<Liveness> {
        let mut run = Run::new(Liveness::default()).plans(&[call(Action::Create)]);
        run.unknown(0).phase(Phase::Liveness);
        run
    }

    #[test]
    fn fresh_calls_succeed_and_others_need_not() {
        assert_eq!(run().done(1, Answer::Acknowledged { node: N[0] }), Ok(()));
        assert_eq!(run().read(1, N[0], live(|_| {})), Ok(()));
        assert!(run().read(1, N[0], Shown::Absent).is_err());
        assert!(run().refused(1, Refusal::Unavailable).is_err());
        assert!(run().done(1, Answer::Unknown).is_err());
        assert_eq!(run().finish(), Ok(()));
        assert!(run().invoke(1).finish().is_err());
    }
}
