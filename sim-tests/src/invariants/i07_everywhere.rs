//! I7: log out everywhere ends every session whose login did not know of it.

use super::Invariant;
use crate::oracle::{Call, Oracle};
use crate::plan::{NodeId, SessionId};
use crate::record::{Answer, Happening, Shown};

/// A node that acknowledged the logout of a principal shows no session of this
/// principal any more that was logged in to before, unless it has lost the logout.
/// After the heal no replica shows one, if the logout must have survived. This
/// includes sessions that the node which took the logout had never heard of.
pub(crate) struct Everywhere;

impl Invariant for Everywhere {
    fn id(&self) -> &'static str {
        "I7"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        let (node, session, shown, from_us) = match happening {
            Happening::Answered { operation, again, answer: Answer::Read { node, shown } } => {
                let Some(call) = oracle.call((*operation, *again)) else { return Ok(()) };
                (*node, call.planned.session, shown, call.invoked_us)
            }
            Happening::Probed { node, session, shown, .. } => {
                (*node, *session, shown, oracle.probed_us_min(at_us))
            }
            _ => return Ok(()),
        };
        let knows = |logout: &Call| {
            logout.made().is_some_and(|(made_at, made_us)| {
                let span_us = (logout.invoked_us, made_us);
                made_at == node
                    && made_us < from_us
                    && oracle.nodes().keeps(node, logout.custody(), span_us, at_us)
            })
        };
        judge(session, node, shown, oracle, knows)
    }

    fn finish(&mut self, oracle: &Oracle) -> Result<(), String> {
        for (session, node, _, shown, _) in oracle.compared() {
            judge(session, node, shown, oracle, |logout| oracle.must_survive(logout))?;
        }
        Ok(())
    }
}

fn judge(
    session: SessionId,
    node: NodeId,
    shown: &Shown,
    oracle: &Oracle,
    holds: impl Fn(&Call) -> bool,
) -> Result<(), String> {
    let Shown::Live(content) = shown else { return Ok(()) };
    for (logout, principal) in oracle.logouts_everywhere() {
        let is_theirs = content.principal.as_deref() == Some(&format!("p{principal}"));
        if is_theirs && oracle.all_logged_in_before(session, principal, logout) && holds(logout) {
            let operation = logout.id.0;
            return Err(format!(
                "{node} shows {session} live for p{principal}, whom operation {operation} logged out everywhere"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live, synced};
    use super::*;
    use crate::plan::Action;
    use crate::record::{LostDisk, Phase};

    const LOGIN: Action = Action::Login { principal: 1 };
    const OUT: Action = Action::LogOutEverywhere { principal: 1 };

    fn shown() -> Shown {
        live(|content| content.principal = Some("p1".into()))
    }

    fn run() -> Run<Everywhere> {
        let plan = [synced(Action::Create), synced(LOGIN), synced(OUT), call(Action::Read), synced(LOGIN)];
        let mut run = Run::new(Everywhere).plans(&plan);
        run.made(0, N[0]).made(1, N[0]);
        run
    }

    #[test]
    fn the_node_that_logged_out_shows_it_no_more() {
        assert!(run().made(2, N[1]).read(3, N[1], shown()).is_err());
        assert_eq!(run().made(2, N[1]).read(3, N[0], shown()), Ok(()), "another one need not know yet");
        assert_eq!(run().made(2, N[1]).read(3, N[1], live(|_| {})), Ok(()), "of nobody");
        assert_eq!(run().made(2, N[1]).crash(N[1], LostDisk::All).read(3, N[1], shown()), Ok(()));
        assert_eq!(run().made(2, N[1]).made(4, N[1]).read(3, N[1], shown()), Ok(()), "a later login");
    }

    #[test]
    fn a_retry_ends_what_the_first_sending_would_have_ended() {
        let made = Answer::Acknowledged { node: N[1] };
        let mut run = run();
        run.made(2, N[1]).made(4, N[1]).again(2, made.clone()).unwrap();
        assert_eq!(run.read(3, N[1], shown()), Ok(()), "a login between the two");
        let mut run = self::run();
        run.made(2, N[1]).again(2, made).unwrap();
        assert!(run.read(3, N[1], shown()).is_err());
    }

    #[test]
    fn in_the_end_nobody_shows_it() {
        let end = |run: &mut Run<Everywhere>, shown| {
            run.phase(Phase::Comparison).probe(N[2], shown, 1).unwrap();
            run.finish()
        };
        assert!(end(run().made(2, N[1]), shown()).is_err());
        assert_eq!(end(run().made(2, N[1]), Shown::Revoked), Ok(()));
        assert_eq!(end(run().unknown(2), shown()), Ok(()), "it may not have been made");
    }
}
