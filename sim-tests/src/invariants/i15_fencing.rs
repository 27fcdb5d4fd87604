//! I15: a removed node accepts and serves nothing, and a cloned or wiped one is not let in.

use super::Invariant;
use crate::oracle::Oracle;
use crate::plan::NodeId;
use crate::record::{Answer, Happening};

/// How long a removed node may take to hear of it, with all links well.
const GRACE_US: u64 = 5_000_000;

/// Clones and wiped nodes are watched by the simulation itself, which says so.
pub(crate) struct Fencing;

impl Invariant for Fencing {
    fn id(&self) -> &'static str {
        "I15"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::FencingFailed { node } => Err(format!("{node} was let in or served, and must not be")),
            Happening::Answered { operation, again, answer } => {
                let (Answer::Acknowledged { node } | Answer::Partly { node } | Answer::Read { node, .. }) =
                    answer
                else {
                    return Ok(());
                };
                let invoked_us = oracle.call((*operation, *again)).map_or(at_us, |call| call.invoked_us);
                not_removed(*node, invoked_us, at_us, oracle)
            }
            _ => Ok(()),
        }
    }
}

fn not_removed(node: NodeId, invoked_us: u64, at_us: u64, oracle: &Oracle) -> Result<(), String> {
    let nodes = oracle.nodes();
    let Some(removed_us) = nodes.removed_us(node) else { return Ok(()) };
    let told_us = removed_us.max(at_us - nodes.calm_us(at_us)) + GRACE_US;
    if invoked_us > told_us {
        return Err(format!("{node} answers calls although it was removed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live};
    use super::*;
    use crate::plan::{Action, Fault};
    use crate::record::NodeState;

    fn removed() -> Run<Fencing> {
        let plan = [call(Action::Create), call(Action::Read)];
        let mut run = Run::new(Fencing).plans(&plan).faults(&[Fault::Loss { permille: 9 }]);
        run.made(0, N[0]).after(10_000).state(N[1], NodeState::Removed);
        run
    }

    #[test]
    fn a_removed_node_serves_nothing_once_it_was_told() {
        assert_eq!(removed().after(1_000).read(1, N[1], live(|_| {})), Ok(()));
        assert!(removed().after(6_000).read(1, N[1], live(|_| {})).is_err());
        assert_eq!(removed().after(6_000).read(1, N[0], live(|_| {})), Ok(()));
        assert_eq!(removed().begin(0).after(6_000).read(1, N[1], live(|_| {})), Ok(()), "links are bad");
    }

    #[test]
    fn the_simulation_may_say_so() {
        assert!(removed().tell(Happening::FencingFailed { node: N[1] }).is_err());
    }
}
