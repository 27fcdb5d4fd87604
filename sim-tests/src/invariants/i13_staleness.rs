//! I13: what a node says of how old the revocations are that it goes by is never too young.

use std::collections::BTreeMap;

use super::Invariant;
use crate::oracle::{Call, Custody, Oracle};
use crate::plan::{Action, NodeId, SessionId};
use crate::record::{Happening, RegionFreshness};

/// A node that says that it knows all that a region's replicas held at a moment shows no
/// session live that one of them had ended by then, unless that one has lost its power or its
/// disk since. Only the first revocation of a session is judged: a later one may find its
/// work done, and then is no write of the node that answers.
#[derive(Default)]
pub(crate) struct Staleness {
    /// Who ended a session first, and when that was over, in microseconds.
    ended: BTreeMap<SessionId, (NodeId, u64)>,
}

impl Invariant for Staleness {
    fn id(&self) -> &'static str {
        "I13"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Answered { operation, again, .. } => {
                if let Some(call) = oracle.call((*operation, *again)).filter(|call| is_first(call, oracle))
                    && let Some(made) = call.made()
                {
                    self.ended.insert(call.planned.session, made);
                }
                Ok(())
            }
            Happening::Fresh { node, session, regions } => {
                let Some((by, ended_us)) = self.ended.get(session).copied() else { return Ok(()) };
                let knows =
                    |known: &&RegionFreshness| known.as_of_us >= ended_us && known.replicas.contains(&by);
                let Some(known) = regions.iter().find(knows) else { return Ok(()) };
                if !oracle.nodes().keeps(by, Custody::Taken, (ended_us, ended_us), at_us) {
                    return Ok(());
                }
                Err(format!(
                    "{node} shows {session} live and says that it knows all of {} up to {} us, but {by} had ended it by then",
                    known.region, known.as_of_us
                ))
            }
            _ => Ok(()),
        }
    }
}

/// A revocation before which no other was sent.
fn is_first(call: &Call, oracle: &Oracle) -> bool {
    let is_revoke = |call: &Call| call.planned.action == Action::Revoke;
    let mut others =
        oracle.effects(call.planned.session).filter(|other| other.id != call.id && is_revoke(other));
    is_revoke(call) && others.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, SESSION, call};
    use super::*;
    use crate::record::LostDisk;

    /// Node 1 has ended the session at 102 ms.
    fn run() -> Run<Staleness> {
        let plan = [call(Action::Create), call(Action::Revoke), call(Action::Revoke)];
        let mut run = Run::new(Staleness::default()).plans(&plan);
        run.after(100).made(1, N[1]);
        run
    }

    fn fresh(as_of_ms: u64, replicas: &[NodeId]) -> Happening {
        let region =
            RegionFreshness { region: "eu".into(), as_of_us: as_of_ms * 1_000, replicas: replicas.to_vec() };
        Happening::Fresh { node: N[0], session: SESSION, regions: vec![region] }
    }

    #[test]
    fn who_knows_all_of_a_moment_knows_what_was_ended_by_then() {
        assert_eq!(run().tell(fresh(101, &N[..3])), Ok(()), "it was ended later");
        assert!(run().tell(fresh(102, &N[..3])).is_err());
        assert_eq!(run().tell(fresh(200, &[N[2]])), Ok(()), "of others it says nothing");
    }

    #[test]
    fn a_later_revocation_may_have_found_its_work_done() {
        let mut run = run();
        run.made(2, N[2]);
        assert_eq!(run.tell(fresh(200, &[N[2]])), Ok(()));
    }

    #[test]
    fn what_a_replica_has_forgotten_nobody_can_know() {
        let mut lost = run();
        lost.crash(N[1], LostDisk::Unsynced);
        assert_eq!(lost.tell(fresh(200, &N[..3])), Ok(()));
        let mut kept = run();
        kept.after(10_000).crash(N[1], LostDisk::Unsynced);
        assert!(kept.tell(fresh(200, &N[..3])).is_err());
    }
}
