//! I17: once all is healed, fresh calls succeed everywhere, and calls that wait are answered.

use std::collections::{BTreeMap, BTreeSet};

use super::Invariant;
use crate::oracle::{CallId, Oracle};
use crate::record::{Answer, Happening, Phase, Shown};

/// Every call of the liveness phase is answered, and well; those of users are answered before
/// it. A write that waits for other replicas is confirmed in the time that they may take to be
/// equal. That they are is judged by I1.
#[derive(Default)]
pub(crate) struct Liveness {
    waiting: BTreeSet<usize>,
    /// Calls of users that are under way, and since when.
    invoked: BTreeMap<CallId, u64>,
    healed_us: Option<u64>,
}

impl Invariant for Liveness {
    fn id(&self) -> &'static str {
        "I17"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
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
            Happening::Invoked { operation, again, .. } => {
                self.invoked.insert((*operation, *again), at_us);
            }
            Happening::Answered { operation, again, answer } => {
                let invoked_us = self.invoked.remove(&(*operation, *again));
                if matches!(answer, Answer::Partly { .. }) {
                    return self.waited_for_nothing(*operation, invoked_us, at_us, oracle);
                }
            }
            Happening::HeldBack if !oracle.nodes().has_any_clock_trouble(at_us) => {
                return Err("writes are held back, though every clock was right".into());
            }
            Happening::Phase(Phase::Heal) => self.healed_us = Some(at_us),
            Happening::Phase(Phase::Liveness | Phase::Comparison) => return self.nothing_waits(),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _: &Oracle) -> Result<(), String> {
        self.nothing_waits()
    }
}

impl Liveness {
    fn waited_for_nothing(
        &self,
        operation: usize,
        invoked_us: Option<u64>,
        at_us: u64,
        oracle: &Oracle,
    ) -> Result<(), String> {
        let (Some(invoked_us), Some(healed_us)) = (invoked_us, self.healed_us) else { return Ok(()) };
        let waited_us = at_us.saturating_sub(invoked_us.max(healed_us));
        if waited_us < 1_000 * oracle.plan().converge_ms_max {
            return Ok(());
        }
        let waited_s = waited_us / 1_000_000;
        Err(format!("call {operation} waited {waited_s} s after the heal for replicas that are all there"))
    }

    fn nothing_waits(&self) -> Result<(), String> {
        if let Some((operation, _)) = self.invoked.keys().next() {
            return Err(format!("call {operation} was never answered, though all faults were over"));
        }
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
    use crate::plan::{Action, Fault};
    use crate::record::Refusal;

    fn run() -> Run<Liveness> {
        let mut run = Run::new(Liveness::default()).plans(&[call(Action::Create)]);
        run.unknown(0).phase(Phase::Liveness);
        run
    }

    #[test]
    fn waiting_writes_are_confirmed_in_time_after_the_heal() {
        let partly = Answer::Partly { node: N[0] };
        let waits = |before_ms, after_ms, answer: &Answer| {
            let planned = call(Action::Create);
            let mut run =
                Run::new(Liveness::default()).plans(&[planned]).shaped(|plan| plan.converge_ms_max = 9_000);
            run.invoke(0).after(before_ms).phase(Phase::Heal).after(after_ms).answer(0, answer.clone())
        };
        assert!(waits(1, 9_000, &partly).is_err());
        assert_eq!(waits(9_000, 8_998, &partly), Ok(()));
        assert_eq!(waits(1, 9_000, &Answer::Acknowledged { node: N[0] }), Ok(()));
    }

    #[test]
    fn only_a_wrong_clock_may_have_writes_held_back() {
        assert!(run().tell(Happening::HeldBack).is_err());
        let fault = Fault::ClockStep { node: N[0], by_ms: 3_600_000 };
        let mut run = Run::new(Liveness::default()).faults(&[fault]);
        assert_eq!(run.begin(0).tell(Happening::HeldBack), Ok(()));
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

    #[test]
    fn calls_of_users_are_answered_before_fresh_ones_are_made() {
        let mut run = Run::new(Liveness::default()).plans(&[call(Action::Create)]);
        run.invoke(0).phase(Phase::Heal);
        assert!(run.finish().is_err());
        assert!(run.tell(Happening::Phase(Phase::Liveness)).is_err());
        run.again(0, Answer::Unknown).unwrap();
        assert!(run.finish().is_err(), "the second sending answers for itself alone");
        run.answer(0, Answer::Unknown).unwrap();
        assert_eq!(run.tell(Happening::Phase(Phase::Liveness)), Ok(()));
    }
}
