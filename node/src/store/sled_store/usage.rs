//! Counts live data, so that a compaction knows what it would save.

use super::layout::Plan;

/// Bytes of live keys and values.
///
/// After a start they are counted from the first key to the last, step by step.
/// A write below the point reached adjusts the count; one above it will be counted.
#[derive(Default)]
pub(super) struct LiveBytes {
    bytes: u64,
    /// Everything below is counted; none when everything is.
    counted_to: Point,
}

/// How far a pass over the keys has come.
#[derive(Default)]
pub(super) enum Point {
    #[default]
    Start,
    /// Up to and including this key.
    Through(Vec<u8>),
    End,
}

impl Point {
    /// Whether the pass has dealt with a key.
    pub(super) fn passed(&self, key: &[u8]) -> bool {
        match self {
            Self::Start => false,
            Self::Through(last) => key <= last.as_slice(),
            Self::End => true,
        }
    }

    /// Where the pass goes on; none at its end.
    pub(super) fn next(&self) -> Option<Vec<u8>> {
        match self {
            Self::Start => Some(Vec::new()),
            Self::Through(last) => Some([last.as_slice(), &[0]].concat()),
            Self::End => None,
        }
    }
}

impl LiveBytes {
    /// The count, once it covers everything.
    pub(super) fn total(&self) -> Option<u64> {
        matches!(self.counted_to, Point::End).then_some(self.bytes)
    }

    /// Where to count on; none when done.
    pub(super) fn next(&self) -> Option<Vec<u8>> {
        self.counted_to.next()
    }

    /// Takes what a pass has counted.
    pub(super) fn counted(&mut self, bytes: u64, reached: Point) {
        self.bytes += bytes;
        self.counted_to = reached;
    }

    /// Follows a batch.
    pub(super) fn adjust(&mut self, plan: &Plan) {
        for (key, change) in &plan.changes {
            if self.counted_to.passed(key) {
                self.bytes = (self.bytes + change.bytes_after(key)).saturating_sub(change.bytes_before);
            }
        }
    }
}
