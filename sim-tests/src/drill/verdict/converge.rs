//! How long replicas took to be equal after the heal.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::NodeId;
use crate::record::{Happening, NodeState, Phase};

/// From the heal until every node that is up, looked at since, holds the same as
/// the others. Without looks: until the comparison began. None if neither was seen.
pub(super) fn took_ms(timeline: &[(u64, Happening)]) -> Option<u64> {
    let healed_us = phase_us(timeline, Phase::Heal)?;
    let equal_us = equal_us(timeline, healed_us).or_else(|| phase_us(timeline, Phase::Comparison))?;
    Some(equal_us.saturating_sub(healed_us) / 1_000)
}

fn phase_us(timeline: &[(u64, Happening)], phase: Phase) -> Option<u64> {
    let mut found = timeline.iter().filter(|(_, happening)| *happening == Happening::Phase(phase));
    found.next().map(|(at_us, _)| *at_us)
}

fn equal_us(timeline: &[(u64, Happening)], healed_us: u64) -> Option<u64> {
    let mut up: BTreeSet<NodeId> = BTreeSet::new();
    let mut seen: BTreeMap<NodeId, &BTreeMap<u16, u128>> = BTreeMap::new();
    for (at_us, happening) in timeline {
        match happening {
            Happening::Node { node, state: NodeState::Up } => {
                up.insert(*node);
            }
            Happening::Node { node, .. } => {
                up.remove(node);
                seen.remove(node);
            }
            Happening::Sampled { node, sample } if *at_us >= healed_us => {
                seen.insert(*node, &sample.digests);
                if up.iter().all(|node| seen.contains_key(node)) && are_equal(seen.values()) {
                    return Some(*at_us);
                }
            }
            _ => {}
        }
    }
    None
}

/// Each partition has one digest wherever it is held.
fn are_equal<'a>(samples: impl Iterator<Item = &'a &'a BTreeMap<u16, u128>>) -> bool {
    let mut digests = BTreeMap::new();
    samples
        .flat_map(|sample| sample.iter())
        .all(|(partition, digest)| digests.entry(partition).or_insert(digest) == &digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Sample;

    fn look(node: u16, digest: u128) -> Happening {
        let sample = Sample { digests: [(0, digest)].into(), ..Sample::default() };
        Happening::Sampled { node: NodeId(node), sample }
    }

    fn up(node: u16) -> Happening {
        Happening::Node { node: NodeId(node), state: NodeState::Up }
    }

    #[test]
    fn equality_counts_from_looks_after_the_heal() {
        let mut timeline = vec![(0, up(0)), (0, up(1)), (1_000, look(0, 1)), (1_000, look(1, 1))];
        assert_eq!(took_ms(&timeline), None);
        timeline.extend([(2_000, Happening::Phase(Phase::Heal)), (3_000, look(0, 2)), (4_000, look(1, 3))]);
        assert_eq!(took_ms(&timeline), None);
        timeline.push((9_000, look(1, 2)));
        assert_eq!(took_ms(&timeline), Some(7));
    }

    #[test]
    fn a_node_that_is_down_is_not_waited_for() {
        let down = Happening::Node { node: NodeId(1), state: NodeState::Removed };
        let heal = Happening::Phase(Phase::Heal);
        let timeline = [(0, up(0)), (0, up(1)), (1_000, down), (2_000, heal), (5_000, look(0, 2))];
        assert_eq!(took_ms(&timeline), Some(3));
    }
}
