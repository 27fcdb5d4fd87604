//! What happened to one node.

use std::collections::BTreeMap;

use crate::record::NodeState;

/// Something that may have cost a node a part of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setback {
    /// What was not synced, or could no longer be.
    Unsynced,
    /// Some record, all records, or nobody will ask this disk again.
    Any,
    /// What came after this time.
    Since(u64),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from_us: u64,
    pub(super) until_us: Option<u64>,
}

impl Span {
    pub(super) fn overlap_us(self, from_us: u64, until_us: u64) -> u64 {
        self.until_us.unwrap_or(u64::MAX).min(until_us).saturating_sub(self.from_us.max(from_us))
    }

    pub(super) fn touches(self, from_us: u64, until_us: u64, margin_us: u64) -> bool {
        self.from_us <= until_us && self.until_us.is_none_or(|end_us| end_us + margin_us >= from_us)
    }
}

/// One node's history.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) region: Option<usize>,
    pub(super) state: Option<NodeState>,
    pub(super) up_since_us: u64,
    pub(super) starts: Vec<u64>,
    pub(super) setbacks: Vec<(u64, Setback)>,
    pub(super) pauses: Vec<Span>,
    pub(super) slow: Vec<(Span, u64)>,
    /// While its disk takes nothing: until it starts again.
    pub(super) bad_disk: Vec<Span>,
    pub(super) clock_faults: BTreeMap<usize, Span>,
    pub(super) removed_us: Option<u64>,
}

impl Node {
    pub(super) fn changes(&mut self, at_us: u64, state: NodeState) {
        if let Some(pause) = self.pauses.last_mut().filter(|pause| pause.until_us.is_none()) {
            pause.until_us = Some(at_us);
        }
        match state {
            NodeState::Up | NodeState::Unready => {
                let ran = [NodeState::Up, NodeState::Unready, NodeState::Paused];
                if self.state.is_none_or(|state| !ran.contains(&state)) {
                    self.starts.push(at_us);
                    self.up_since_us = at_us;
                    let bad = self.bad_disk.iter_mut().filter(|span| span.until_us.is_none());
                    bad.for_each(|span| span.until_us = Some(at_us));
                }
            }
            NodeState::Down | NodeState::Refused => self.setbacks.push((at_us, Setback::Unsynced)),
            NodeState::Paused => self.pauses.push(Span { from_us: at_us, until_us: None }),
            NodeState::Removed => {
                self.removed_us.get_or_insert(at_us);
                self.setbacks.push((at_us, Setback::Any));
            }
        }
        if state == NodeState::Up {
            // If it was removed, it has been let in again: as a new one, or I15 says that it must not.
            self.removed_us = None;
        }
        self.state = Some(state);
    }

    /// Whether there was time enough to sync: a paused node syncs nothing, a slow disk
    /// takes longer, a bad one takes nothing.
    pub(super) fn is_synced(&self, made_us: u64, at_us: u64, window_us: u64) -> bool {
        if self.bad_disk.iter().any(|span| span.touches(made_us, made_us, 0)) {
            return false;
        }
        let paused_us: u64 = self.pauses.iter().map(|pause| pause.overlap_us(made_us, at_us)).sum();
        let slow = self.slow.iter().filter(|(span, _)| span.touches(made_us, at_us, 0));
        let slow_us: u64 = slow.map(|(_, by_us)| 8 * by_us).sum();
        at_us.saturating_sub(made_us) >= window_us + paused_us + slow_us
    }
}
