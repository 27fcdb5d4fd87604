//! Whether replicas are equal, over time: how many digests of a partition differ.

use std::collections::{BTreeMap, BTreeSet};

use super::time::{Scale, spoken};
use crate::plan::NodeId;
use crate::record::{Happening, NodeState, Outcome};

/// The strip is no finer than this many cells, so that the page stays small.
const CELLS_MAX: usize = 12_000;
const COLUMNS_MAX: usize = 480;

/// How many distinct digests each partition had in a span of time, at worst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    /// By partition.
    pub(super) distinct: Vec<u8>,
}

impl Column {
    /// Partitions that are not equal everywhere.
    pub(super) fn differing(&self) -> usize {
        self.distinct.iter().filter(|count| **count > 1).count()
    }

    /// In words.
    pub(super) fn title(&self) -> String {
        let (from, to) = (spoken(self.from_us), spoken(self.to_us));
        let (all, most) = (self.distinct.len(), self.distinct.iter().max().copied().unwrap_or(0));
        match self.differing() {
            0 => format!("from {from} to {to}: all replicas equal"),
            some => {
                format!("from {from} to {to}: {some} of {all} partitions differ, up to {most} digests of one")
            }
        }
    }
}

/// What the samples tell, equal neighbours made one. Only nodes that run count,
/// each with its newest digests.
pub(super) fn collect(outcome: &Outcome, partitions: usize, scale: Scale) -> Vec<Column> {
    let columns_max = COLUMNS_MAX.min(CELLS_MAX / partitions.max(1)).max(1) as u64;
    let mut newest: BTreeMap<NodeId, &BTreeMap<u16, u128>> = BTreeMap::new();
    let mut away: BTreeSet<NodeId> = BTreeSet::new();
    let mut columns: Vec<Column> = Vec::new();
    let mut at = 0;
    while let Some((at_us, _)) = outcome.timeline.get(at) {
        let same = outcome.timeline[at..].iter().take_while(|(other_us, _)| other_us == at_us).count();
        let mut looked = false;
        for (_, happening) in &outcome.timeline[at..at + same] {
            looked |= learn(happening, &mut newest, &mut away);
        }
        at += same;
        if looked {
            let slot = scale.ppm(*at_us) * columns_max / 1_000_000;
            push(&mut columns, *at_us, distinct(&newest, partitions), |from_us| {
                scale.ppm(from_us) * columns_max / 1_000_000 == slot
            });
        }
    }
    if let Some(last) = columns.last_mut() {
        last.to_us = outcome.simulated_us.max(last.from_us);
    }
    columns
}

fn learn<'a>(
    happening: &'a Happening,
    newest: &mut BTreeMap<NodeId, &'a BTreeMap<u16, u128>>,
    away: &mut BTreeSet<NodeId>,
) -> bool {
    match happening {
        Happening::Sampled { node, sample } if !away.contains(node) => {
            newest.insert(*node, &sample.digests);
            true
        }
        Happening::Node { node, state: NodeState::Up | NodeState::Unready | NodeState::Paused } => {
            away.remove(node);
            false
        }
        Happening::Node { node, .. } => {
            away.insert(*node);
            newest.remove(node).is_some()
        }
        _ => false,
    }
}

fn distinct(newest: &BTreeMap<NodeId, &BTreeMap<u16, u128>>, partitions: usize) -> Vec<u8> {
    let mut seen: Vec<BTreeSet<u128>> = vec![BTreeSet::new(); partitions];
    for (partition, digest) in newest.values().flat_map(|digests| digests.iter()) {
        if let Some(seen) = seen.get_mut(usize::from(*partition)) {
            seen.insert(*digest);
        }
    }
    seen.iter().map(|seen| u8::try_from(seen.len()).unwrap_or(u8::MAX)).collect()
}

/// Adds what was seen: to the last column if it is too near to be told apart, or equal.
fn push(columns: &mut Vec<Column>, at_us: u64, distinct: Vec<u8>, near: impl Fn(u64) -> bool) {
    if let Some(last) = columns.last_mut() {
        last.to_us = at_us;
        if last.distinct == distinct {
            return;
        }
        if near(last.from_us) {
            for (worst, now) in last.distinct.iter_mut().zip(distinct) {
                *worst = now.max(*worst);
            }
            return;
        }
    }
    columns.push(Column { from_us: at_us, to_us: at_us, distinct });
}

#[cfg(test)]
mod tests {
    use super::{Column, push};

    #[test]
    fn equal_neighbours_become_one_and_near_ones_keep_the_worst() {
        let mut columns = Vec::new();
        push(&mut columns, 0, vec![1, 1], |_| false);
        push(&mut columns, 5, vec![1, 1], |_| false);
        push(&mut columns, 7, vec![2, 1], |_| false);
        push(&mut columns, 8, vec![1, 3], |_| true);
        let worst = Column { from_us: 7, to_us: 8, distinct: vec![2, 3] };
        assert_eq!(columns, [Column { from_us: 0, to_us: 7, distinct: vec![1, 1] }, worst]);
    }
}
