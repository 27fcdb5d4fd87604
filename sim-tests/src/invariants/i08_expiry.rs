//! I8: no node serves a session after its deadline, and none serves by a clock that is off.

use super::Invariant;
use crate::oracle::{Call, Oracle};
use crate::plan::{Action, NodeId};
use crate::record::{Answer, EPOCH_MS, Happening, Shown};

/// How long a node may take to notice that its clock is off, with all links well:
/// a few heartbeats, and the same again after a start.
const NOTICE_US: u64 = 5_000_000;

/// A node whose clock is off by less than so many times the permitted offset may
/// not notice: the middle of all clocks is off itself, and round trips hide some.
const NOTICED_OFFSETS: u64 = 3;

/// A clock that no fault has touched is off by half of the permitted offset (`σ`)
/// at most, so a node that shows a session live `ε = σ` after its deadline has
/// not looked at its clock. A node whose clock was stepped far must refuse calls
/// once it had time to notice.
pub(crate) struct Expiry;

impl Invariant for Expiry {
    fn id(&self) -> &'static str {
        "I8"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Answered { operation, again, answer } => {
                let Some(call) = oracle.call((*operation, *again)) else { return Ok(()) };
                match answer {
                    Answer::Read { node, shown } => {
                        in_time(*node, shown, call.invoked_us, at_us, oracle)?;
                        if matches!(shown, Shown::Live(_)) {
                            serves(*node, call, at_us, oracle)
                        } else {
                            Ok(())
                        }
                    }
                    Answer::Acknowledged { node } | Answer::Partly { node } => {
                        serves(*node, call, at_us, oracle)
                    }
                    _ => Ok(()),
                }
            }
            Happening::Probed { node, shown, .. } => {
                in_time(*node, shown, oracle.probed_us_min(at_us), at_us, oracle)
            }
            _ => Ok(()),
        }
    }
}

fn in_time(node: NodeId, shown: &Shown, from_us: u64, until_us: u64, oracle: &Oracle) -> Result<(), String> {
    let Shown::Live(content) = shown else { return Ok(()) };
    if oracle.nodes().has_clock_trouble(node, from_us, until_us) {
        return Ok(());
    }
    let deadline_ms = content.expires_at_ms.saturating_sub(EPOCH_MS);
    let now_ms = from_us / 1_000;
    if now_ms > deadline_ms + oracle.plan().shape.clock_offset_ms_max {
        let late_ms = now_ms - deadline_ms;
        return Err(format!("{node} shows a session live {late_ms} ms after its deadline"));
    }
    Ok(())
}

/// A call on a session that was live for its node.
fn serves(node: NodeId, call: &Call, at_us: u64, oracle: &Oracle) -> Result<(), String> {
    by_a_sound_clock(node, call, at_us, oracle)?;
    // A revocation may be repeated at any time, and a logout everywhere is of no session.
    if matches!(call.planned.action, Action::Create | Action::Revoke | Action::LogOutEverywhere { .. })
        || oracle.nodes().has_clock_trouble(node, call.invoked_us, at_us)
    {
        return Ok(());
    }
    let session = call.planned.session;
    // A second sending is told what the first one did.
    let sent_us = oracle.first_sent_us(call);
    match oracle.over_us(session, sent_us) {
        Some(over_us) if sent_us > over_us => {
            let late_ms = (sent_us - over_us) / 1_000;
            Err(format!("{node} serves {session}, which ran out {late_ms} ms before at the latest"))
        }
        _ => Ok(()),
    }
}

fn by_a_sound_clock(node: NodeId, call: &Call, at_us: u64, oracle: &Oracle) -> Result<(), String> {
    let nodes = oracle.nodes();
    let Some((by_ms, since_us)) = nodes.clock_step(node, call.invoked_us) else { return Ok(()) };
    let (sound, all) = nodes.sound_clocks(at_us);
    let had_time = [since_us, nodes.up_since_us(node), at_us - nodes.calm_us(at_us)]
        .iter()
        .all(|from_us| call.invoked_us >= from_us + NOTICE_US);
    let far_ms = NOTICED_OFFSETS * oracle.plan().shape.clock_offset_ms_max;
    if had_time && by_ms.unsigned_abs() > far_ms && 4 * sound >= 3 * all {
        return Err(format!("{node} serves calls with its clock {by_ms} ms off"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live};
    use super::*;
    use crate::plan::{Fault, Level};
    use crate::record::Phase;

    fn planned(faults: &[Fault]) -> Run<Expiry> {
        let plan = [call(Action::Create), call(Action::Read), call(Action::Touch)];
        let mut run = Run::new(Expiry).plans(&plan).faults(faults);
        run.made(0, N[0]);
        run
    }

    fn run(by_ms: i64) -> Run<Expiry> {
        planned(&[Fault::ClockStep { node: N[0], by_ms }])
    }

    fn until(ms: u64) -> Shown {
        live(|content| content.expires_at_ms = EPOCH_MS + ms)
    }

    #[test]
    fn nothing_is_served_after_its_deadline() {
        assert_eq!(run(0).after(10_000).read(1, N[1], until(9_600)), Ok(()));
        assert!(run(0).after(10_000).read(1, N[1], until(9_400)).is_err());
        assert!(run(0).after(10_000).probe(N[1], until(9_400), 1).is_err());
        assert_eq!(run(0).after(10_000).read(1, N[1], Shown::Absent), Ok(()));
    }

    #[test]
    fn what_has_run_out_takes_no_touch() {
        let plan = [call(Action::Create), call(Action::Touch), call(Action::Touch)];
        let planned = || {
            let mut run = Run::new(Expiry).plans(&plan).shaped(|plan| plan.shape.idle_timeout_ms = 5_000);
            run.made(0, N[0]);
            run
        };
        assert_eq!(planned().after(5_500).done(1, Answer::Acknowledged { node: N[1] }), Ok(()));
        assert!(planned().after(5_700).done(1, Answer::Acknowledged { node: N[1] }).is_err());
        assert_eq!(
            planned().after(4_000).made(1, N[0]).after(4_000).done(2, Answer::Partly { node: N[1] }),
            Ok(())
        );
        let mut pending = planned();
        pending.invoke(1).after(7_000);
        assert_eq!(pending.done(2, Answer::Acknowledged { node: N[1] }), Ok(()), "the first may be late");
    }

    #[test]
    fn a_node_with_a_clock_that_is_off_has_some_time_to_notice() {
        let mut late = run(60_000);
        late.after(10_000).begin(0).after(3_000);
        assert_eq!(late.done(2, Answer::Acknowledged { node: N[0] }), Ok(()));
        late.after(3_000);
        assert_eq!(late.done(2, Answer::Acknowledged { node: N[1] }), Ok(()));
        assert!(late.done(2, Answer::Acknowledged { node: N[0] }).is_err());
        assert!(late.read(1, N[0], until(3_600_000)).is_err());
    }

    #[test]
    fn a_clock_that_drifted_is_right_again_once_it_is_set() {
        let drift = Fault::ClockDrift { node: N[1], ppm: 500 };
        for (level, ended, healed) in [(Level::Full, true, true), (Level::Core, false, true)] {
            let plan = [call(Action::Create), call(Action::Read)];
            let run = Run::new(Expiry).plans(&plan).faults(std::slice::from_ref(&drift));
            let mut run = run.shaped(|plan| plan.level = level);
            run.made(0, N[0]);
            run.begin(0).after(20_000).end(0).after(20_000);
            assert_eq!(run.read(1, N[1], until(9_400)).is_err(), ended, "{level:?}");
            run.phase(Phase::Heal).after(20_000);
            assert_eq!(run.read(1, N[1], until(9_400)).is_err(), healed, "{level:?}");
        }
    }

    #[test]
    fn a_small_step_or_one_behind_a_cut_need_not_be_noticed() {
        let mut small = run(1_200);
        small.after(10_000).begin(0).after(10_000);
        assert_eq!(small.done(2, Answer::Acknowledged { node: N[0] }), Ok(()));
        let faults = [Fault::ClockStep { node: N[0], by_ms: 60_000 }, Fault::Loss { permille: 100 }];
        let mut cut = planned(&faults);
        cut.after(10_000).begin(1).begin(0).after(10_000);
        assert_eq!(cut.done(2, Answer::Acknowledged { node: N[0] }), Ok(()));
    }
}
