//! I6: a revocation that was acknowledged holds on every node in the end.

use super::Invariant;
use crate::oracle::{Call, Oracle};
use crate::plan::{Action, SessionId};
use crate::record::{Happening, Shown};

/// After the heal no replica shows a session live whose revocation was
/// acknowledged and must have survived, also not one that was away for long.
/// The revocation is kept until the session's absolute deadline.
pub(crate) struct NoResurrection;

impl Invariant for NoResurrection {
    fn id(&self) -> &'static str {
        "I6"
    }

    fn check(&mut self, _: u64, _: &Happening, _: &Oracle) -> Result<(), String> {
        Ok(())
    }

    fn finish(&mut self, oracle: &Oracle) -> Result<(), String> {
        for (session, node, at_us, shown, _) in oracle.compared() {
            let Some(revoke) = survivor(oracle, session) else { continue };
            let operation = revoke.id.0;
            match shown {
                Shown::Live(_) | Shown::Rotated => {
                    return Err(format!(
                        "{node} shows {session} live in the end, but operation {operation} revoked it"
                    ));
                }
                Shown::Absent if oracle.absolute_deadline_us_min(session).is_some_and(|us| at_us < us) => {
                    return Err(format!("{node} has forgotten that operation {operation} revoked {session}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn survivor(oracle: &Oracle, session: SessionId) -> Option<&Call> {
    let mut effects = oracle.effects(session);
    effects.find(|call| call.planned.action == Action::Revoke && oracle.must_survive(call))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live, synced};
    use super::*;
    use crate::plan::PlannedOperation;
    use crate::record::{LostDisk, Phase};

    fn ended(revoke: PlannedOperation) -> Run<NoResurrection> {
        let mut run = Run::new(NoResurrection).plans(&[synced(Action::Create), revoke]);
        run.made(0, N[1]).made(1, N[0]).crash(N[0], LostDisk::Unsynced).phase(Phase::Comparison);
        run
    }

    fn shows(mut run: Run<NoResurrection>, shown: Shown) -> Result<(), String> {
        run.probe(N[2], shown, 1).unwrap();
        run.finish()
    }

    #[test]
    fn a_kept_revocation_ends_the_session_for_all() {
        let run = || ended(synced(Action::Revoke));
        assert!(shows(run(), live(|_| {})).is_err());
        assert!(shows(run(), Shown::Absent).is_err());
        assert_eq!(shows(run(), Shown::Revoked), Ok(()));
        let mut late = run();
        late.after(3_600_000);
        assert_eq!(shows(late, Shown::Absent), Ok(()));
    }

    #[test]
    fn one_that_was_lost_with_its_node_or_never_acknowledged_may_not_hold() {
        assert_eq!(shows(ended(call(Action::Revoke)), live(|_| {})), Ok(()));
        let mut run = Run::new(NoResurrection).plans(&[synced(Action::Create), synced(Action::Revoke)]);
        run.made(0, N[1]).unknown(1).phase(Phase::Comparison);
        assert_eq!(shows(run, live(|_| {})), Ok(()));
    }
}
