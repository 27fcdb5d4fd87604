//! I3: an acknowledged write survives what its durability promises.

use super::Invariant;
use crate::oracle::{Call, CallId, Fate, Look, Oracle};
use crate::plan::{Action, NodeId, Token};
use crate::record::{Happening, IdName, Phase, Shown};

/// What a node acknowledged is shown by that node as long as it has not lost it,
/// and in the end by every replica, whatever happened to the node. What is shown
/// was written by somebody. Revocations are judged by I5 and I6.
pub(crate) struct Durability;

impl Invariant for Durability {
    fn id(&self) -> &'static str {
        "I3"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Answered { operation, again, .. } => {
                let call =
                    oracle.call((*operation, *again)).filter(|call| call.planned.token != Token::Forged);
                let Some(call) = call else { return Ok(()) };
                let Fate::Read(node, shown) = &call.fate else { return Ok(()) };
                let look = Look {
                    session: call.planned.session,
                    shown,
                    by: call.shows,
                    node: Some(*node),
                    until_us: at_us,
                };
                at_node(look, *node, call.invoked_us, oracle)
            }
            Happening::Probed { node, session, shown, state_hash } if oracle.phase() != Phase::Comparison => {
                // A partition that has moved may be gone from where it was.
                if *state_hash == 0 && oracle.nodes().is_layout_changed() {
                    return Ok(());
                }
                let look =
                    Look { session: *session, shown, by: IdName::First, node: Some(*node), until_us: at_us };
                at_node(look, *node, oracle.probed_us_min(at_us), oracle)
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, oracle: &Oracle) -> Result<(), String> {
        for (session, node, until_us, shown, _) in oracle.compared() {
            let required = oracle.survivors(session).into_iter().filter(|id| !is_revoke(oracle, *id));
            let look = Look { session, shown, by: IdName::First, node: Some(node), until_us };
            oracle.check_look(look, &required.collect())?;
        }
        Ok(())
    }
}

fn at_node(look: Look<'_>, node: NodeId, from_us: u64, oracle: &Oracle) -> Result<(), String> {
    if *look.shown == Shown::Partial {
        return Ok(());
    }
    let made = oracle.made_at(look.session, node, from_us, look.until_us);
    oracle.check_look(look, &made.into_iter().filter(|id| !is_revoke(oracle, *id)).collect())
}

fn is_revoke(oracle: &Oracle, id: CallId) -> bool {
    let action = |call: &Call| call.planned.action == Action::Revoke;
    oracle.call(id).is_some_and(action)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live, synced};
    use super::*;
    use crate::plan::{Consistency, Fault, PlannedOperation};
    use crate::record::{Answer, LostDisk, NodeState};

    const SET: Action = Action::Set { field: 1 };

    fn planned(write: PlannedOperation) -> Run<Durability> {
        Run::new(Durability).plans(&[synced(Action::Create), write, call(Action::Read)])
    }

    fn run(write: PlannedOperation) -> Run<Durability> {
        let mut run = planned(write);
        run.made(0, N[0]);
        run
    }

    fn with(value: &str) -> Shown {
        live(|content| drop(content.attributes.insert("a1".into(), value.into())))
    }

    fn in_the_end(run: &mut Run<Durability>, shown: Shown) -> Result<(), String> {
        run.phase(Phase::Comparison).probe(N[1], shown, 1).unwrap();
        run.finish()
    }

    #[test]
    fn a_synced_write_outlives_a_crash_and_a_young_buffered_one_may_not() {
        for (write, must) in [(synced(SET), true), (call(SET), false)] {
            let mut run = run(write);
            run.made(1, N[0]).crash(N[0], LostDisk::Unsynced);
            assert_eq!(run.read(2, N[0], live(|_| {})).is_err(), must);
            assert_eq!(in_the_end(&mut run, with("v1")), Ok(()));
            assert_eq!(in_the_end(&mut run, live(|_| {})).is_err(), must);
        }
    }

    #[test]
    fn an_old_buffered_write_outlives_a_crash() {
        let mut run = run(call(SET));
        run.made(1, N[0]).after(1_000).crash(N[0], LostDisk::Unsynced);
        assert!(in_the_end(&mut run, live(|_| {})).is_err());
    }

    #[test]
    fn a_bad_disk_and_a_pause_keep_a_buffered_write_from_the_disk() {
        let mut run = planned(call(SET)).faults(&[Fault::DiskError { node: N[0] }]);
        run.made(0, N[0]).begin(0).made(1, N[0]).after(1_000).crash(N[0], LostDisk::Unsynced);
        assert_eq!(in_the_end(&mut run, live(|_| {})), Ok(()));
        let mut run = self::run(call(SET));
        run.made(1, N[0]).state(N[0], NodeState::Paused).after(1_000).crash(N[0], LostDisk::Unsynced);
        assert_eq!(in_the_end(&mut run, live(|_| {})), Ok(()));
    }

    #[test]
    fn a_lost_disk_takes_a_write_of_one_with_it_and_not_one_of_a_quorum() {
        for (consistency, must) in [(Consistency::LocalOne, false), (Consistency::LocalQuorum, true)] {
            let mut run = run(PlannedOperation { consistency, ..synced(SET) });
            run.made(1, N[0]).after(1_000).crash(N[0], LostDisk::All);
            assert_eq!(in_the_end(&mut run, live(|_| {})).is_err(), must);
        }
        let mut run = run(PlannedOperation { consistency: Consistency::LocalQuorum, ..synced(SET) });
        run.made(1, N[0]).crash(N[0], LostDisk::All).crash(N[1], LostDisk::All);
        assert_eq!(in_the_end(&mut run, live(|_| {})), Ok(()), "a majority of the region lost it");
    }

    #[test]
    fn a_time_out_may_show_or_not_and_a_refused_write_may_not() {
        let mut unknown = run(call(SET));
        unknown.unknown(1);
        assert_eq!(in_the_end(&mut unknown, with("v1")), Ok(()));
        assert_eq!(in_the_end(&mut unknown, live(|_| {})), Ok(()));
        let mut refused = run(call(SET));
        refused.refused(1, crate::record::Refusal::Unavailable).unwrap();
        assert!(in_the_end(&mut refused, with("v1")).unwrap_err().contains("nobody wrote"));
    }

    #[test]
    fn a_replaced_value_does_not_come_back_and_concurrent_ones_may_either_win() {
        let plan = [synced(Action::Create), synced(SET), synced(SET), synced(SET)];
        let mut run = Run::new(Durability).plans(&plan);
        run.made(0, N[0]).made(1, N[0]).made(2, N[0]).made(3, N[1]);
        assert!(in_the_end(&mut run, with("v1")).unwrap_err().contains("replaced"));
        assert_eq!(in_the_end(&mut run, with("v2")), Ok(()));
        assert_eq!(in_the_end(&mut run, with("v3")), Ok(()));
        assert!(in_the_end(&mut run, live(|_| {})).is_err());
    }

    #[test]
    fn a_removal_may_only_remove_what_it_can_have_seen() {
        let plan = [synced(Action::Create), synced(Action::Remove { field: 1 }), synced(SET)];
        let mut run = Run::new(Durability).plans(&plan);
        run.made(0, N[0]).made(1, N[1]).made(2, N[0]);
        assert!(in_the_end(&mut run, live(|_| {})).is_err(), "it was over before");
        let mut run = Run::new(Durability).plans(&plan);
        run.made(0, N[0]).made(2, N[0]).made(1, N[1]);
        assert_eq!(in_the_end(&mut run, live(|_| {})), Ok(()));
        assert_eq!(in_the_end(&mut run, with("v2")), Ok(()), "it may not have seen the write");
    }

    #[test]
    fn members_and_counters_add_up() {
        let (add, remove) = (Action::AddMember { member: 2 }, Action::RemoveMember { member: 2 });
        let plan = [
            synced(Action::Create),
            synced(add),
            synced(remove),
            synced(Action::Add { amount: 5 }),
            call(Action::Add { amount: -2 }),
        ];
        let mut run = Run::new(Durability).plans(&plan);
        run.made(0, N[0]).made(1, N[0]).made(2, N[0]).made(3, N[1]).unknown(4);
        let shown = |member: bool, counter: i64| {
            live(|content| {
                content.counter = counter;
                content.members.extend(member.then(|| "m2".to_owned()));
            })
        };
        for counter in [5, 3] {
            assert_eq!(in_the_end(&mut run, shown(false, counter)), Ok(()));
        }
        for counter in [0, 2, 6, 10] {
            assert!(in_the_end(&mut run, shown(false, counter)).is_err(), "{counter}");
        }
        assert!(in_the_end(&mut run, shown(true, 5)).unwrap_err().contains("m2"));
    }

    #[test]
    fn a_session_is_there_until_it_may_have_run_out() {
        let mut run = planned(call(SET)).shaped(|plan| plan.shape.idle_timeout_ms = 5_000);
        run.made(0, N[0]).after(3_000);
        assert!(run.read(2, N[0], Shown::Absent).is_err());
        assert!(in_the_end(&mut run, Shown::Absent).is_err());
        run.after(3_000);
        assert_eq!(in_the_end(&mut run, Shown::Absent), Ok(()));
    }

    #[test]
    fn an_id_may_be_unknown_where_its_rotation_is() {
        let rotation = synced(Action::Rotate { grace_ms: 0 });
        let new = IdName::Of(1);
        let mut here = planned(rotation);
        here.made(0, N[0]).made(1, N[0]).by(new);
        assert!(here.read(2, N[0], Shown::Absent).is_err());
        let mut there = planned(rotation);
        there.made(0, N[0]).made(1, N[1]).by(new);
        assert_eq!(there.read(2, N[0], Shown::Absent), Ok(()));
        assert!(there.by(IdName::First).read(2, N[0], Shown::Absent).is_err());
    }

    #[test]
    fn another_node_may_not_have_it_yet() {
        let mut run = run(synced(SET));
        run.made(1, N[0]);
        assert_eq!(run.read(2, N[1], Shown::Absent), Ok(()));
        let answer = Answer::Read { node: N[1], shown: live(|_| {}) };
        assert_eq!(run.again(2, answer), Ok(()));
    }
}
