//! What is missing of an origin's entries, and what of it nobody holds any more.

use super::Engine;
use crate::session::{Origin, Partition};

/// Entries of one origin that a partition lacks, though it holds a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The partition.
    pub partition: Partition,
    /// Who wrote them.
    pub origin: Origin,
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
}

impl Engine {
    /// The first gap of each origin of each partition.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (partition, cell) in (0..).map(Partition).zip(&self.core.cells) {
            let state = cell.state.lock();
            let open = state.vectors.gaps();
            gaps.extend(open.map(|(origin, first, last)| Gap { partition, origin, first, last }));
        }
        gaps
    }

    /// Whether any of the entries that a peer lacks is held here.
    #[must_use]
    pub fn holds_any(&self, gap: Gap) -> bool {
        self.core.cell(gap.partition).is_some_and(|cell| {
            let next = cell.state.lock().vectors.next_held(gap.origin, gap.first);
            next.is_some_and(|seq| seq <= gap.last)
        })
    }

    /// Whether a partition's vector names entries that are not held: they were refused or passed over.
    #[must_use]
    pub fn lacks_some(&self, partition: Partition) -> bool {
        self.core.cell(partition).is_some_and(|cell| cell.state.lock().vectors.lacks_some())
    }

    /// Goes on as if the entries had come: no other node holds any of them. Should
    /// one come all the same, it is taken.
    pub fn pass_over(&self, gap: Gap) {
        let Some(cell) = self.core.cell(gap.partition) else { return };
        let Gap { partition, origin, first, last } = gap;
        let is_passed_over = self.core.with(cell, |state| {
            let is_open = state.vectors.pass_over((origin, first, last));
            if is_open {
                state.touch_metadata();
            }
            is_open
        });
        if is_passed_over {
            let (partition, replica, entries) = (partition.0, origin.replica.0, last - first + 1);
            tracing::warn!(partition, replica, entries, "entries were lost with the node that wrote them");
            cell.advanced.notify_waiters();
            self.core.jumped();
        }
    }
}
