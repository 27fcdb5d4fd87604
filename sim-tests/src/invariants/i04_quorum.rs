//! I4: an acknowledgement of a quorum meets every read of a quorum.

use super::Invariant;
use crate::oracle::{Fate, Look, Oracle};
use crate::plan::Token;
use crate::record::{Happening, Shown};

/// A write acknowledged by a majority of a region is seen by every later read of a
/// majority there, one acknowledged in each region by such reads in any region,
/// also when the layout changes in between. Not judged once a replica of the
/// region may have lost it with its power or its disk.
pub(crate) struct Quorum;

impl Invariant for Quorum {
    fn id(&self) -> &'static str {
        "I4"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        let Happening::Answered { operation, again, .. } = happening else { return Ok(()) };
        let call = oracle.call((*operation, *again)).filter(|call| call.planned.token != Token::Forged);
        let Some(call) = call else { return Ok(()) };
        let Fate::Read(node, shown) = &call.fate else { return Ok(()) };
        if *shown == Shown::Partial {
            return Ok(());
        }
        let required = oracle.seen_by_quorum(call, *node);
        let look =
            Look { session: call.planned.session, shown, by: call.shows, node: Some(*node), until_us: at_us };
        oracle.check_look(look, &required)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live};
    use super::*;
    use crate::plan::{Action, Consistency, NodeId, PlannedOperation};
    use crate::record::LostDisk;

    const FAR: NodeId = NodeId(8);

    fn at(consistency: Consistency, action: Action) -> PlannedOperation {
        PlannedOperation { consistency, ..call(action) }
    }

    fn run(write: Consistency, read: Consistency) -> Run<Quorum> {
        let plan = [at(write, Action::Create), at(write, Action::Set { field: 1 }), at(read, Action::Read)];
        let mut run = Run::new(Quorum).plans(&plan);
        run.made(0, N[0]).made(1, N[0]);
        run
    }

    #[test]
    fn a_quorum_sees_what_a_quorum_acknowledged() {
        use Consistency::{EachQuorum, LocalOne, LocalQuorum};
        let stale = || live(|_| {});
        assert!(run(LocalQuorum, LocalQuorum).read(2, N[2], stale()).is_err());
        assert!(run(EachQuorum, LocalQuorum).read(2, FAR, stale()).is_err());
        assert!(run(LocalQuorum, EachQuorum).read(2, FAR, stale()).is_err(), "a read of all");
        let fresh = live(|content| drop(content.attributes.insert("a1".into(), "v1".into())));
        assert_eq!(run(LocalQuorum, LocalQuorum).read(2, N[2], fresh), Ok(()));
        assert_eq!(run(LocalQuorum, LocalQuorum).read(2, FAR, stale()), Ok(()), "another region");
        assert_eq!(run(LocalOne, LocalQuorum).read(2, N[2], stale()), Ok(()));
        assert_eq!(run(LocalQuorum, LocalOne).read(2, N[2], stale()), Ok(()));
    }

    #[test]
    fn a_replica_that_lost_power_may_have_forgotten() {
        let mut run = run(Consistency::LocalQuorum, Consistency::LocalQuorum);
        run.crash(N[1], LostDisk::Unsynced);
        assert_eq!(run.read(2, N[2], live(|_| {})), Ok(()));
        let mut run = self::run(Consistency::LocalQuorum, Consistency::LocalQuorum);
        run.after(10_000).crash(N[1], LostDisk::Unsynced);
        assert!(run.read(2, N[2], live(|_| {})).is_err(), "it was on all disks by then");
    }
}
