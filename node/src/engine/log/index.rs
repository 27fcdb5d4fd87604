//! PURE. In which blocks the entries of one partition are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::session::{Dot, Origin};

/// Entries `first` to `last` of an origin, all in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct Run {
    pub(in crate::engine) first: u64,
    pub(in crate::engine) last: u64,
    pub(in crate::engine) block: u64,
}

/// For each origin its runs, ascending and disjoint.
#[derive(Debug, Default)]
pub(in crate::engine) struct Index {
    runs: BTreeMap<Origin, VecDeque<Run>>,
}

impl Index {
    pub(in crate::engine) fn add(&mut self, dot: Dot, block: u64) {
        let runs = self.runs.entry(dot.origin).or_default();
        let at = runs.partition_point(|run| run.first <= dot.seq);
        if let Some(before) = at.checked_sub(1).and_then(|before| runs.get_mut(before)) {
            if dot.seq <= before.last {
                return;
            }
            if before.block == block && before.last + 1 == dot.seq {
                before.last = dot.seq;
                return;
            }
        }
        runs.insert(at, Run { first: dot.seq, last: dot.seq, block });
    }

    /// The runs that hold what follows `seq`, without a hole; none if it begins with one.
    pub(in crate::engine) fn after(&self, origin: &Origin, seq: u64, runs_max: usize) -> Vec<Run> {
        let Some(runs) = self.runs.get(origin) else { return Vec::new() };
        let Some(mut next) = seq.checked_add(1) else { return Vec::new() };
        let mut found = Vec::new();
        for run in runs.range(runs.partition_point(|run| run.last < next)..) {
            if run.first > next || found.len() == runs_max {
                break;
            }
            found.push(Run { first: next, ..*run });
            let Some(following) = run.last.checked_add(1) else { break };
            next = following;
        }
        found
    }

    /// The first run that holds `seq` or what comes after it, from there on.
    pub(in crate::engine) fn from(&self, origin: &Origin, seq: u64) -> Option<Run> {
        let runs = self.runs.get(origin)?;
        let run = runs.get(runs.partition_point(|run| run.last < seq))?;
        Some(Run { first: run.first.max(seq), ..*run })
    }

    /// The blocks that hold any entry, the newest first.
    pub(in crate::engine) fn newest_blocks(&self) -> impl Iterator<Item = u64> + use<> {
        let blocks: BTreeSet<u64> = self.runs.values().flatten().map(|run| run.block).collect();
        blocks.into_iter().rev()
    }

    /// Forgets entries in blocks that are gone.
    pub(in crate::engine) fn forget_before(&mut self, block: u64) {
        self.runs.retain(|_, runs| {
            runs.retain(|run| run.block >= block);
            !runs.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::ReplicaId;

    const ORIGIN: Origin = Origin { replica: ReplicaId(1), incarnation: 1 };

    fn add(index: &mut Index, seq: u64, block: u64) {
        index.add(Dot { origin: ORIGIN, seq }, block);
    }

    #[test]
    fn runs_stop_at_a_hole_and_go_on_once_it_is_filled() {
        let mut index = Index::default();
        for (seq, block) in [(1, 1), (2, 1), (5, 1), (3, 2)] {
            add(&mut index, seq, block);
        }
        assert_eq!(index.after(&ORIGIN, 0, 9).last().map(|run| run.last), Some(3));
        assert_eq!(index.after(&ORIGIN, 3, 9), []);
        add(&mut index, 4, 3);
        let runs = index.after(&ORIGIN, 1, 9);
        let blocks: Vec<_> = runs.iter().map(|run| (run.first, run.last, run.block)).collect();
        assert_eq!(blocks, [(2, 2, 1), (3, 3, 2), (4, 4, 3), (5, 5, 1)]);
    }

    #[test]
    fn dropped_blocks_leave_a_hole_at_the_start() {
        let mut index = Index::default();
        for seq in 1..=6 {
            add(&mut index, seq, seq / 3);
        }
        index.forget_before(1);
        assert_eq!(index.after(&ORIGIN, 0, 9), []);
        assert_eq!(index.after(&ORIGIN, 2, 9).len(), 2);
        let from = |seq| index.from(&ORIGIN, seq).map(|run| (run.first, run.last));
        assert_eq!((from(1), from(4), from(7)), (Some((3, 5)), Some((4, 5)), None));
    }
}
