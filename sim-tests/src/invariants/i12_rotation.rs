//! I12: an id that a rotation replaced is accepted no more, and its successor is.

use std::collections::BTreeSet;

use super::Invariant;
use crate::oracle::{Call, CallId, Fate, IdLook, Oracle};
use crate::plan::{Action, NodeId, SessionId};
use crate::record::{Content, Happening, IdName, Refusal, Shown};

/// A node that made a rotation without grace, or was shown a token that names it, takes
/// no call by an id from before it; after one with a grace, none once that is over. Of
/// rotations made at the same time one without grace beats one with. An id that nothing
/// can have replaced is not refused as replaced. In the end every replica has an id that
/// no rotation which must have survived has replaced; that it is the same one is I1.
pub(crate) struct Rotation;

impl Invariant for Rotation {
    fn id(&self) -> &'static str {
        "I12"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Answered { operation, again, .. } => {
                let call = oracle.call((*operation, *again));
                call.filter(|call| call.planned.action.shows_id())
                    .map_or(Ok(()), |call| answered(call, at_us, oracle))
            }
            Happening::Probed { node, session, shown: Shown::Live(content), .. } => {
                let held = oracle.made_at(*session, *node, oracle.probed_us_min(at_us), at_us);
                shows(*node, *session, content, &held, oracle)
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, oracle: &Oracle) -> Result<(), String> {
        for (session, node, _, shown, _) in oracle.compared() {
            if let Shown::Live(content) = shown {
                shows(node, session, content, &oracle.survivors(session), oracle)?;
            }
        }
        Ok(())
    }
}

fn answered(call: &Call, at_us: u64, oracle: &Oracle) -> Result<(), String> {
    let session = call.planned.session;
    let look = IdLook { session, id: call.shows, span_us: (call.invoked_us, at_us) };
    match &call.fate {
        Fate::Read(node, Shown::Live(content)) => {
            let mut held = held(call, *node, at_us, oracle);
            held.extend(oracle.seen_by_quorum(call, *node));
            let accepted = oracle.check_accepted(look, &held);
            accepted.map_err(|what| format!("{node}: {what}"))?;
            shows(*node, session, content, &held, oracle)
        }
        // A second sending is told what the first one did.
        Fate::Acknowledged(node) | Fate::Partly(node) if !call.id.1 && !may_find_done(call, oracle) => {
            let accepted = oracle.check_accepted(look, &held(call, *node, at_us, oracle));
            accepted.map_err(|what| format!("{node} made operation {}: {what}", call.id.0))
        }
        Fate::Read(_, Shown::Rotated) | Fate::Refused(Refusal::Rotated) => oracle.check_refused(look),
        Fate::Refused(Refusal::AlreadyRotated) => oracle.check_rotated(session, call.shows),
        _ => Ok(()),
    }
}

/// What the node that answered holds for certain.
fn held(call: &Call, node: NodeId, at_us: u64, oracle: &Oracle) -> BTreeSet<CallId> {
    let mut held = oracle.made_at(call.planned.session, node, call.invoked_us, at_us);
    held.extend(&call.covered);
    held
}

/// Of a session that has been ended nothing is known of its ids.
fn may_find_done(call: &Call, oracle: &Oracle) -> bool {
    let is_revoke = |call: &Call| call.planned.action == Action::Revoke;
    is_revoke(call)
        && oracle.effects(call.planned.session).any(|other| is_revoke(other) && other.id.0 != call.id.0)
}

fn shows(
    node: NodeId,
    session: SessionId,
    content: &Content,
    held: &BTreeSet<CallId>,
    oracle: &Oracle,
) -> Result<(), String> {
    let current = content.id.filter(|_| oracle.is_planned(session));
    let check = |id: IdName| oracle.check_current(session, id, held);
    current.map_or(Ok(()), check).map_err(|what| format!("{node}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live, synced};
    use super::*;
    use crate::plan::{PlannedOperation, Token};
    use crate::record::{Answer, LostDisk, Phase};

    const FIRST: IdName = IdName::First;
    const AT_ONCE: Action = Action::Rotate { grace_ms: 0 };
    const ROUTINE: Action = Action::Rotate { grace_ms: 1_000 };

    /// Created at node 0; operations 1 and 2 are rotations, 3 a read, 4 a touch, 5 a read by token.
    fn run(first: Action, second: Action) -> Run<Rotation> {
        let read = call(Action::Read);
        let by_token = PlannedOperation { token: Token::Newest, ..read };
        let touch = call(Action::Touch);
        let plan = [synced(Action::Create), synced(first), synced(second), read, touch, by_token];
        let mut run = Run::new(Rotation).plans(&plan);
        run.made(0, N[0]);
        run
    }

    fn of(id: IdName) -> Shown {
        live(|content| content.id = Some(id))
    }

    fn alias() -> Shown {
        live(|_| {})
    }

    #[test]
    fn what_was_replaced_at_once_is_served_by_nobody_who_knows() {
        let one = || {
            let mut run = run(AT_ONCE, AT_ONCE);
            run.made(1, N[0]);
            run
        };
        assert!(one().read(3, N[0], alias()).unwrap_err().contains("operation 1"));
        assert!(one().done(4, Answer::Acknowledged { node: N[0] }).is_err(), "no write slips in");
        assert!(one().read(5, N[1], alias()).is_err(), "the token names the rotation");
        assert_eq!(one().read(3, N[1], alias()), Ok(()), "another node need not know");
        assert_eq!(one().read(3, N[0], Shown::Rotated), Ok(()));
        assert_eq!(one().refused(3, Refusal::Rotated), Ok(()));
        assert_eq!(one().by(IdName::Of(1)).read(3, N[0], of(IdName::Of(1))), Ok(()));
        assert_eq!(one().crash(N[0], LostDisk::All).read(3, N[0], alias()), Ok(()), "it was lost");
        let mut began_before = run(AT_ONCE, AT_ONCE);
        began_before.invoke(3).made(1, N[0]);
        assert_eq!(began_before.answer(3, Answer::Read { node: N[0], shown: alias() }), Ok(()));
    }

    #[test]
    fn a_second_rotation_kills_all_before_it() {
        let two = || {
            let mut run = run(ROUTINE, AT_ONCE);
            run.made(1, N[0]).by(IdName::Of(1)).made(2, N[0]);
            run
        };
        for dead in [FIRST, IdName::Of(1)] {
            assert!(two().by(dead).read(3, N[0], alias()).is_err());
            assert!(two().probe(N[0], of(dead), 1).is_err());
        }
        assert_eq!(two().by(IdName::Of(2)).read(3, N[0], of(IdName::Of(2))), Ok(()));
    }

    #[test]
    fn a_grace_lasts_as_long_as_it_was_left() {
        let one = || {
            let mut run = run(ROUTINE, ROUTINE);
            run.made(1, N[0]);
            run
        };
        assert_eq!(one().read(3, N[0], alias()), Ok(()));
        assert_eq!(one().done(4, Answer::Acknowledged { node: N[0] }), Ok(()));
        assert!(one().read(3, N[0], Shown::Rotated).unwrap_err().contains("before its grace"));
        assert!(one().after(2_000).read(3, N[0], alias()).is_err());
        assert_eq!(one().after(2_000).read(3, N[0], Shown::Rotated), Ok(()));
        assert_eq!(one().refused(2, Refusal::AlreadyRotated), Ok(()));
        assert!(one().probe(N[0], of(FIRST), 1).is_err(), "it is an alias, not the session's id");
    }

    #[test]
    fn of_two_at_the_same_time_one_without_grace_wins() {
        let raced = |first, second, held| {
            let mut run = run(first, second);
            run.made(1, N[0]).made(2, N[3]).phase(Phase::Comparison);
            run.probe(N[1], of(held), 1)?;
            run.finish()
        };
        for held in [1, 2] {
            assert_eq!(raced(AT_ONCE, AT_ONCE, IdName::Of(held)), Ok(()), "either may");
            assert_eq!(raced(ROUTINE, ROUTINE, IdName::Of(held)), Ok(()), "either may");
        }
        assert_eq!(raced(AT_ONCE, ROUTINE, IdName::Of(1)), Ok(()));
        assert!(raced(AT_ONCE, ROUTINE, IdName::Of(2)).is_err());
        assert!(raced(ROUTINE, ROUTINE, FIRST).is_err());
        assert!(raced(AT_ONCE, AT_ONCE, IdName::Of(4)).unwrap_err().contains("no operation gave"));
    }

    #[test]
    fn a_rotation_that_was_made_twice_may_have_beaten_what_came_after_the_first() {
        let mut run = run(AT_ONCE, AT_ONCE);
        run.made(1, N[0]).again(1, Answer::Acknowledged { node: N[3] }).unwrap();
        run.by(IdName::Of(1)).made(2, N[0]).phase(Phase::Comparison);
        run.probe(N[1], of(IdName::Of(1)), 1).unwrap();
        assert_eq!(run.finish(), Ok(()));
    }

    #[test]
    fn an_id_that_nothing_replaced_is_not_taken_for_replaced() {
        for said in [Shown::Rotated, Shown::Absent] {
            assert_eq!(run(AT_ONCE, AT_ONCE).read(3, N[0], said.clone()).is_err(), said == Shown::Rotated);
        }
        assert!(run(AT_ONCE, AT_ONCE).refused(4, Refusal::Rotated).is_err());
        assert!(run(AT_ONCE, AT_ONCE).refused(1, Refusal::AlreadyRotated).is_err());
        let mut refused = run(AT_ONCE, AT_ONCE);
        refused.refused(1, Refusal::Unavailable).unwrap();
        assert!(refused.refused(4, Refusal::Rotated).is_err(), "it was never made");
        let mut unknown = run(AT_ONCE, AT_ONCE);
        unknown.unknown(1);
        assert_eq!(unknown.refused(4, Refusal::Rotated), Ok(()));
        let mut after = run(AT_ONCE, AT_ONCE);
        after.made(1, N[0]).by(IdName::Of(1));
        assert!(after.read(3, N[0], Shown::Rotated).is_err(), "what replaced it came before it");
    }
}
