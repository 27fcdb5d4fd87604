//! I1: the same set of writes gives byte-equal state on every replica.

use std::collections::{BTreeMap, BTreeSet};

use super::Invariant;
use crate::oracle::Oracle;
use crate::plan::{Level, NodeId, SessionId};
use crate::record::{Happening, LOST_RECORD, NodeState, Phase, Sample, Shown};

/// In the end all holders of a partition have equal digests and equal states, and
/// that is not because all of them are empty. A record that may be removed or lapse at
/// any moment may be gone here and still there elsewhere.
#[derive(Default)]
pub(crate) struct Convergence {
    samples: BTreeMap<NodeId, (u64, Sample)>,
}

impl Invariant for Convergence {
    fn id(&self) -> &'static str {
        "I1"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Sampled { node, sample } if oracle.phase() == Phase::Comparison => {
                self.samples.insert(*node, (at_us, sample.clone()));
            }
            Happening::Node { node, state: NodeState::Removed } => {
                self.samples.remove(node);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, oracle: &Oracle) -> Result<(), String> {
        self.same_states(oracle)?;
        if let Some(at_us) = self.samples.values().map(|(at_us, _)| *at_us).max() {
            let may_change =
                |session| may_be_removed(oracle, session, at_us) || may_lapse(oracle, session, at_us);
            if !oracle.sessions().filter(|session| may_exist(oracle, *session)).any(may_change) {
                self.same_digests()?;
            }
            self.not_empty(oracle, at_us)?;
        }
        Ok(())
    }
}

impl Convergence {
    fn same_states(&self, oracle: &Oracle) -> Result<(), String> {
        let mut states: BTreeMap<SessionId, (NodeId, u128)> = BTreeMap::new();
        let is_whole = |shown: &Shown, hash| hash != 0 && *shown != Shown::Partial;
        // What nobody holds in full any more, nobody can complete.
        let whole: BTreeSet<SessionId> = oracle
            .compared()
            .filter(|(_, _, _, shown, hash)| is_whole(shown, *hash))
            .map(|(session, ..)| session)
            .collect();
        let mut dropped = BTreeMap::new();
        for (session, node, _, shown, hash) in oracle.compared() {
            // Whether a record may be missing is for the digests, I3 and I6 to say.
            if hash == 0 {
                let is_absent = *shown == Shown::Absent;
                dropped.extend(is_absent.then_some((session, node)));
                continue;
            }
            let (first, held) = *states.entry(session).or_insert((node, hash));
            if held != hash {
                return Err(format!("{first} and {node} hold different states of {session}"));
            }
            if *shown == Shown::Partial && whole.contains(&session) {
                return Err(format!("{node} still holds only a part of {session}"));
            }
        }
        let is_mark = |shown: &Shown, hash| *shown == Shown::Partial && hash == LOST_RECORD;
        for (session, node, _, _, _) in oracle.compared().filter(|(.., shown, hash)| is_mark(shown, *hash)) {
            if let Some(other) = dropped.get(&session) {
                return Err(format!("{node} still waits for {session}, which {other} has dropped"));
            }
        }
        Ok(())
    }

    fn same_digests(&self) -> Result<(), String> {
        let mut digests: BTreeMap<u16, (NodeId, u128)> = BTreeMap::new();
        for (node, (_, sample)) in &self.samples {
            for (partition, digest) in &sample.digests {
                let (first, held) = *digests.entry(*partition).or_insert((*node, *digest));
                if held != *digest {
                    return Err(format!(
                        "{first} and {node} hold different records of partition {partition}"
                    ));
                }
            }
        }
        Ok(())
    }

    fn not_empty(&self, oracle: &Oracle, at_us: u64) -> Result<(), String> {
        if self.samples.values().any(|(_, sample)| sample.records > 0) {
            return Ok(());
        }
        let is_held = |session: &SessionId| {
            creation_survives(oracle, *session)
                && oracle.absolute_deadline_us_min(*session).is_some_and(|deadline_us| at_us < deadline_us)
        };
        match oracle.sessions().find(is_held) {
            Some(session) => Err(format!("no node holds any record, but {session} must be there")),
            None => Ok(()),
        }
    }
}

fn creation_survives(oracle: &Oracle, session: SessionId) -> bool {
    oracle.creates(session).into_iter().any(|create| oracle.must_survive(create))
}

/// A session whose creation was always refused was never anywhere.
fn may_exist(oracle: &Oracle, session: SessionId) -> bool {
    !oracle.creates(session).is_empty()
}

/// True unless every sound clock says that its record is still to be kept.
fn may_be_removed(oracle: &Oracle, session: SessionId, at_us: u64) -> bool {
    let shape = &oracle.plan().shape;
    let kept_us = 1_000 * shape.removal_margin_ms;
    oracle.absolute_deadline_us_min(session).is_none_or(|deadline_us| at_us >= deadline_us + kept_us)
}

/// True if its idle time-out may be over by some clock. At the core level no session lapses
/// while replicas are compared; at the full level nodes are asked one after the other, and I17
/// judges that at some moment all were equal.
fn may_lapse(oracle: &Oracle, session: SessionId, at_us: u64) -> bool {
    oracle.plan().level == Level::Full
        && oracle.idle_deadline_us_min(session).is_none_or(|deadline_us| at_us >= deadline_us)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live};
    use super::*;
    use crate::plan::{Action, PlannedOperation};
    use crate::record::{Answer, Refusal};

    fn ended() -> Run<Convergence> {
        let mut run = Run::new(Convergence::default()).plans(&[call(Action::Create)]);
        run.made(0, N[0]).after(1_000).phase(Phase::Comparison);
        run
    }

    fn sample(digest: u128) -> Sample {
        Sample { digests: [(0, digest)].into(), records: u64::from(digest > 0), ..Sample::default() }
    }

    fn sampled(run: &mut Run<Convergence>, digests: [u128; 2]) -> Result<(), String> {
        for (node, digest) in N.into_iter().zip(digests) {
            run.tell(Happening::Sampled { node, sample: sample(digest) })?;
        }
        run.finish()
    }

    #[test]
    fn digests_are_equal_and_not_of_nothing() {
        assert_eq!(sampled(&mut ended(), [7, 7]), Ok(()));
        assert!(sampled(&mut ended(), [7, 8]).unwrap_err().contains("partition 0"));
        assert!(sampled(&mut ended(), [0, 0]).unwrap_err().contains("must be there"));
    }

    #[test]
    fn a_removed_node_that_has_heard_of_it_does_not_count() {
        let differ = || {
            let mut run = ended();
            assert!(sampled(&mut run, [7, 8]).is_err());
            run.probe(N[0], live(|_| {}), 5).unwrap();
            run.probe(N[1], live(|_| {}), 6).unwrap();
            run
        };
        assert!(differ().state(N[1], NodeState::Unready).finish().is_err());
        assert_eq!(differ().state(N[1], NodeState::Removed).finish(), Ok(()));
    }

    #[test]
    fn states_are_equal() {
        let mut run = ended();
        run.probe(N[0], live(|_| {}), 5).unwrap();
        run.probe(N[1], live(|_| {}), 5).unwrap();
        assert_eq!(run.finish(), Ok(()));
        run.probe(N[1], live(|_| {}), 6).unwrap();
        assert!(run.finish().is_err());
    }

    #[test]
    fn nobody_waits_for_what_another_has_dropped() {
        let mut run = ended();
        run.probe(N[0], Shown::Partial, LOST_RECORD).unwrap();
        assert_eq!(run.finish(), Ok(()));
        run.probe(N[1], Shown::Absent, 0).unwrap();
        assert!(run.finish().unwrap_err().contains("still waits"));
        run.probe(N[0], Shown::Partial, 7).unwrap();
        assert_eq!(run.finish(), Ok(()), "a part is removed like a whole");
    }

    #[test]
    fn what_may_be_removed_may_be_gone_here_and_not_there() {
        let mut run = ended();
        run.after(3_600_000 + 1_000);
        run.probe(N[0], Shown::Absent, 5).unwrap();
        run.probe(N[1], Shown::Absent, 0).unwrap();
        assert_eq!(sampled(&mut run, [7, 0]), Ok(()));
    }

    #[test]
    fn a_session_that_was_never_made_excuses_nobody() {
        let other = PlannedOperation { session: SessionId(1), ..call(Action::Create) };
        for (answer, differs) in [(Answer::Refused(Refusal::Unavailable), true), (Answer::Unknown, false)] {
            let mut run = Run::new(Convergence::default()).plans(&[call(Action::Create), other]);
            run.done(1, answer.clone()).unwrap();
            run.after(3_600_000 + 1_000).made(0, N[0]).phase(Phase::Comparison);
            assert_eq!(sampled(&mut run, [7, 8]).is_err(), differs, "{answer:?}");
        }
    }

    #[test]
    fn what_may_lapse_differs_for_a_moment_at_the_full_level() {
        for (level, after_ms, differs) in
            [(Level::Full, 2_000, true), (Level::Full, 7_000, false), (Level::Core, 7_000, true)]
        {
            let mut run = Run::new(Convergence::default()).plans(&[call(Action::Create)]).shaped(|plan| {
                plan.level = level;
                plan.shape.idle_timeout_ms = 6_000;
            });
            run.made(0, N[0]).after(after_ms).phase(Phase::Comparison);
            assert_eq!(sampled(&mut run, [7, 8]).is_err(), differs, "{level:?} {after_ms}");
        }
    }
}
