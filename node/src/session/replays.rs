//! Uses of ids that had been replaced, for the audit.

use super::{Dot, ReplicaId, Stamp};

/// Marks that are kept, the newest.
pub const REPLAYS_MAX: usize = 8;

/// A node marks a session at most once in so long, in milliseconds.
pub const REPLAY_INTERVAL_MS: u64 = 60_000;

/// A replica was shown an id that was no longer accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replay {
    /// When.
    pub hlc: u64,
    /// The write that says so.
    pub dot: Dot,
}

/// The newest marks of a session. To keep the highest of a union is a join.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replays {
    /// Ascending.
    marks: Vec<Replay>,
}

impl Replays {
    /// One more mark: the fragment to send.
    #[must_use]
    pub fn mark(dot: Dot, stamp: Stamp) -> Self {
        Self { marks: vec![Replay { hlc: stamp.hlc, dot }] }
    }

    /// Whether a replica may mark the session at `now_ms`, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn is_due(&self, replica: ReplicaId, now_ms: u64) -> bool {
        let is_fresh = |mark: &&Replay| now_ms.saturating_sub(mark.hlc >> 16) < REPLAY_INTERVAL_MS;
        let fresh = self.marks.iter().filter(is_fresh);
        // Where there is room for no more, fresh marks push out fresh ones.
        fresh.clone().count() < REPLAYS_MAX && fresh.clone().all(|mark| mark.dot.origin.replica != replica)
    }

    /// Joins another copy.
    pub fn merge(&mut self, other: Self) {
        if other.marks.is_empty() {
            return;
        }
        self.marks.extend(other.marks);
        self.marks.sort_unstable();
        self.marks.dedup();
        let surplus = self.marks.len().saturating_sub(REPLAYS_MAX);
        self.marks.drain(..surplus);
    }

    /// The marks, oldest first.
    #[must_use]
    pub fn marks(&self) -> &[Replay] {
        &self.marks
    }

    /// True if no replaced id was used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Rebuilds marks in canonical order; none if they are not, or too many.
    pub(crate) fn from_marks(marks: Vec<Replay>) -> Option<Self> {
        let ascending = marks.windows(2).all(|pair| pair[0] < pair[1]);
        (ascending && (1..=REPLAYS_MAX).contains(&marks.len())).then_some(Self { marks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::laws::history::origin;

    fn mark(replica: u16, at_ms: u64) -> Replays {
        let origin = origin(replica, 1);
        Replays::mark(Dot { origin, seq: at_ms }, Stamp { hlc: at_ms << 16, origin })
    }

    #[test]
    fn a_node_marks_once_a_minute_and_a_full_list_waits() {
        let mut replays = mark(1, 1_000);
        assert!(!replays.is_due(ReplicaId(1), 60_999) && replays.is_due(ReplicaId(1), 61_000));
        assert!(replays.is_due(ReplicaId(2), 1_000));
        (2..=9).for_each(|replica| replays.merge(mark(replica, 1_000 + u64::from(replica))));
        let replicas = replays.marks().iter().map(|mark| mark.dot.origin.replica.0);
        assert_eq!(replicas.collect::<Vec<_>>(), (2..=9).collect::<Vec<_>>(), "the newest stay");
        assert!(!replays.is_due(ReplicaId(1), 2_000), "its own mark was pushed out, and there is no room");
        assert!(replays.is_due(ReplicaId(1), 61_003));
    }
}
