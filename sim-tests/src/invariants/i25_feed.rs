//! I25: the change feed loses nothing and repeats nothing, or says so.

use std::collections::{BTreeMap, BTreeSet};

use super::Invariant;
use crate::oracle::{Call, Oracle};
use crate::plan::{Action, Level, SessionId};
use crate::record::{FeedEvent, Happening, Phase};

/// A feed that is taken up from its cursor after every break tells no write twice, and
/// in the end it has told every acknowledged write of an attribute that must be there,
/// and the end of every session whose revocation must, unless it said later that writes of
/// that partition are missing. A region whose feed tells nothing at all is judged like the others.
#[derive(Default)]
pub(crate) struct Feed {
    /// By region.
    feeds: BTreeMap<usize, Fed>,
    /// Learnt from any feed.
    partitions: BTreeMap<SessionId, u32>,
    is_compared: bool,
}

#[derive(Default)]
struct Fed {
    told: BTreeSet<FeedWrite>,
    operations: BTreeSet<usize>,
    revoked: BTreeSet<SessionId>,
    /// Partitions of which something is missing, and when that was told last, in microseconds.
    missed_us: BTreeMap<u32, u64>,
}

/// One write of an operation that a client may have sent to several nodes: the operation,
/// the replica, and when.
type FeedWrite = (usize, u32, u64);

impl Invariant for Feed {
    fn id(&self) -> &'static str {
        "I25"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Fed { region, partition, event } => {
                self.fed(at_us, *region, *partition, *event, oracle)
            }
            Happening::Phase(phase) => {
                self.is_compared |= *phase == Phase::Comparison;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, oracle: &Oracle) -> Result<(), String> {
        if !self.is_compared || oracle.plan().level == Level::Core {
            return Ok(());
        }
        for region in 0..oracle.plan().shape.regions.len() {
            let fed = self.feeds.entry(region).or_default();
            for session in oracle.sessions() {
                let missed_us = fed.missed_us(self.partitions.get(&session));
                let mut required = oracle.effects(session).filter(|call| oracle.must_survive(call));
                if let Some(call) = required
                    .find(|call| !may_be_missing(call, missed_us, oracle) && !fed.has_told(call, oracle))
                {
                    return Err(format!(
                        "the feed of region {region} has not told call {} on {session}",
                        call.id.0
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Feed {
    fn fed(
        &mut self,
        at_us: u64,
        region: usize,
        partition: u32,
        event: FeedEvent,
        oracle: &Oracle,
    ) -> Result<(), String> {
        let fed = self.feeds.entry(region).or_default();
        match event {
            FeedEvent::Missed => drop(fed.missed_us.insert(partition, at_us)),
            FeedEvent::Revoked { session } => drop(fed.revoked.insert(session)),
            FeedEvent::Wrote { operation, replica, at_ms } => {
                if let Some(planned) = oracle.plan().operations.get(operation) {
                    self.partitions.insert(planned.session, partition);
                }
                fed.operations.insert(operation);
                if !fed.told.insert((operation, replica, at_ms)) {
                    return Err(format!(
                        "the feed of region {region} has told the write of call {operation} at replica {replica} twice"
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Fed {
    /// When something of a partition was told last to be missing; of any, if nobody has learnt which it is.
    fn missed_us(&self, partition: Option<&u32>) -> Option<u64> {
        match partition {
            Some(partition) => self.missed_us.get(partition).copied(),
            None => self.missed_us.values().max().copied(),
        }
    }

    /// What tells neither a value nor an end is not judged.
    fn has_told(&self, call: &Call, oracle: &Oracle) -> bool {
        let session = call.planned.session;
        match call.planned.action {
            Action::Create | Action::Set { .. } => self.operations.contains(&call.id.0),
            // An event names the session by a key, which its creation tells. One that a
            // logout everywhere has ended already is not ended again.
            Action::Revoke => {
                let mut creates = oracle.creates(session).into_iter();
                self.revoked.contains(&session)
                    || !creates.any(|create| self.operations.contains(&create.id.0))
                    || oracle.may_be_logged_out(session)
            }
            _ => true,
        }
    }
}

/// Whether a call was made before it was told last that something is missing. A session ends once: a
/// revocation that finds it ended is not told, though the one before may be missing.
fn may_be_missing(call: &Call, missed_us: Option<u64>, oracle: &Oracle) -> bool {
    let Some(missed_us) = missed_us else { return false };
    let is_before = |call: &Call| call.invoked_us <= missed_us;
    let action = call.planned.action;
    is_before(call)
        || action == Action::Revoke
            && oracle
                .effects(call.planned.session)
                .any(|other| other.planned.action == action && is_before(other))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, SESSION, call, synced};
    use super::*;
    use crate::record::Answer;

    /// Of one region.
    fn run() -> Run<Feed> {
        let plan = [synced(Action::Create), synced(Action::Set { field: 0 }), synced(Action::Revoke)];
        let mut run = Run::new(Feed::default()).plans(&plan).shaped(|plan| {
            plan.level = Level::Full;
            plan.shape.regions.truncate(1);
        });
        run.made(0, N[0]).made(1, N[0]);
        run
    }

    fn fed(event: FeedEvent) -> Happening {
        Happening::Fed { region: 0, partition: 3, event }
    }

    fn wrote(operation: usize) -> Happening {
        fed(FeedEvent::Wrote { operation, replica: 1, at_ms: 5 })
    }

    #[test]
    fn what_was_acknowledged_is_told_in_the_end() {
        let mut run = run();
        run.tell(wrote(0)).unwrap();
        run.phase(Phase::Comparison);
        assert!(run.finish().is_err(), "the change is missing");
        run.tell(wrote(1)).unwrap();
        assert_eq!(run.finish(), Ok(()));
        run.made(2, N[0]);
        assert!(run.finish().is_err(), "the end is missing");
        run.tell(fed(FeedEvent::Revoked { session: SESSION })).unwrap();
        assert_eq!(run.finish(), Ok(()));
    }

    #[test]
    fn what_a_feed_says_it_lacks_it_need_not_tell() {
        let mut run = run();
        run.tell(wrote(0)).unwrap();
        run.tell(Happening::Fed { region: 0, partition: 2, event: FeedEvent::Missed }).unwrap();
        run.phase(Phase::Comparison);
        assert!(run.finish().is_err(), "another partition");
        run.tell(fed(FeedEvent::Missed)).unwrap();
        assert_eq!(run.finish(), Ok(()));
        run.made(2, N[0]);
        assert!(run.finish().is_err(), "the end came after what is missing");
    }

    #[test]
    fn an_end_that_was_made_again_is_told_once() {
        let mut run = run();
        run.tell(wrote(0)).unwrap();
        run.tell(wrote(1)).unwrap();
        run.made(2, N[0]).tell(fed(FeedEvent::Missed)).unwrap();
        run.again(2, Answer::Acknowledged { node: N[0] }).unwrap();
        run.phase(Phase::Comparison);
        assert_eq!(run.finish(), Ok(()));
    }

    #[test]
    fn a_feed_that_tells_nothing_is_judged() {
        let mut run = run();
        run.phase(Phase::Comparison);
        assert!(run.finish().unwrap_err().contains("region 0"));
        run.tell(fed(FeedEvent::Missed)).unwrap();
        assert_eq!(run.finish(), Ok(()), "of which partition the session is nobody knows");
    }

    #[test]
    fn at_the_core_level_nobody_follows_a_feed() {
        let mut run = Run::new(Feed::default()).plans(&[synced(Action::Create)]);
        run.made(0, N[0]).phase(Phase::Comparison);
        assert_eq!(run.finish(), Ok(()));
    }

    #[test]
    fn nothing_is_told_twice_but_what_was_made_twice() {
        let mut run = Run::new(Feed::default()).plans(&[call(Action::Create)]);
        run.tell(wrote(0)).unwrap();
        run.tell(fed(FeedEvent::Wrote { operation: 0, replica: 2, at_ms: 5 })).unwrap();
        let event = FeedEvent::Wrote { operation: 0, replica: 1, at_ms: 5 };
        run.tell(Happening::Fed { region: 1, partition: 3, event }).unwrap();
        assert!(run.tell(wrote(0)).is_err());
    }

    #[test]
    fn of_a_run_that_did_not_end_nothing_is_asked() {
        assert_eq!(run().finish(), Ok(()));
    }
}
