//! I14: one epoch, one membership.

use std::collections::BTreeMap;

use super::Invariant;
use crate::oracle::Oracle;
use crate::plan::NodeId;
use crate::record::{Happening, NodeState};

/// All nodes that know an epoch take the membership to be the same, and a node
/// that runs never goes back to an earlier one.
#[derive(Default)]
pub(crate) struct Membership {
    of_epoch: BTreeMap<u64, (NodeId, u64)>,
    epochs: BTreeMap<NodeId, u64>,
}

impl Invariant for Membership {
    fn id(&self) -> &'static str {
        "I14"
    }

    fn check(&mut self, _: u64, happening: &Happening, _: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Sampled { node, sample } => self.sampled(*node, sample.membership),
            Happening::Node { node, state: NodeState::Down | NodeState::Refused } => {
                self.epochs.remove(node);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Membership {
    fn sampled(&mut self, node: NodeId, (epoch, hash): (u64, u64)) -> Result<(), String> {
        let (first, known) = *self.of_epoch.entry(epoch).or_insert((node, hash));
        if known != hash {
            return Err(format!("{first} and {node} know different members in epoch {epoch}"));
        }
        let last = self.epochs.insert(node, epoch).unwrap_or_default();
        if epoch < last {
            return Err(format!("{node} went back from epoch {last} to {epoch}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run};
    use super::*;
    use crate::record::{LostDisk, Sample};

    fn sample(run: &mut Run<Membership>, node: NodeId, membership: (u64, u64)) -> Result<(), String> {
        run.tell(Happening::Sampled { node, sample: Sample { membership, ..Sample::default() } })
    }

    #[test]
    fn an_epoch_has_one_membership() {
        let mut run = Run::new(Membership::default());
        assert_eq!(sample(&mut run, N[0], (3, 7)), Ok(()));
        assert_eq!(sample(&mut run, N[1], (3, 7)), Ok(()));
        assert_eq!(sample(&mut run, N[1], (4, 8)), Ok(()));
        assert!(sample(&mut run, N[0], (4, 9)).is_err());
    }

    #[test]
    fn epochs_do_not_go_back_unless_a_node_starts_again() {
        let mut run = Run::new(Membership::default());
        sample(&mut run, N[0], (4, 8)).unwrap();
        assert!(sample(&mut run, N[0], (3, 7)).is_err());
        let mut run = Run::new(Membership::default());
        sample(&mut run, N[0], (4, 8)).unwrap();
        run.crash(N[0], LostDisk::Unsynced);
        assert_eq!(sample(&mut run, N[0], (3, 7)), Ok(()));
    }
}
