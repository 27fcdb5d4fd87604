//! One sending of one planned operation, and what became of it.

use std::collections::BTreeSet;

use super::nodes::Custody;
use crate::plan::{Durability, NodeId, PlannedOperation};
use crate::record::{IdName, Refusal, Shown};

/// The operation's index, and whether it was the second sending.
pub(crate) type CallId = (usize, bool);

/// What is known of a call's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Not answered yet.
    Pending,
    /// Kept as its levels promise.
    Acknowledged(NodeId),
    /// Made there; too few confirmed.
    Partly(NodeId),
    /// A read.
    Read(NodeId, Shown),
    /// It changed nothing.
    Refused(Refusal),
    /// A time-out: it may still take effect.
    Unknown,
}

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) planned: PlannedOperation,
    /// The id that it showed.
    pub(crate) shows: IdName,
    pub(crate) invoked_us: u64,
    pub(crate) answered_us: Option<u64>,
    pub(crate) fate: Fate,
    /// The calls whose effects its token is known to name.
    pub(crate) covered: BTreeSet<CallId>,
}

impl Call {
    /// False only if it is certain that it changed nothing.
    pub(crate) fn may_have_effect(&self) -> bool {
        self.planned.action.is_write() && !matches!(self.fate, Fate::Refused(_))
    }

    /// Where it was made and when that was known, if it was certainly made.
    pub(crate) fn made(&self) -> Option<(NodeId, u64)> {
        match self.fate {
            Fate::Acknowledged(node) | Fate::Partly(node) => Some((node, self.answered_us?)),
            _ => None,
        }
    }

    /// Where it was acknowledged and when.
    pub(crate) fn acknowledged(&self) -> Option<(NodeId, u64)> {
        self.made().filter(|_| matches!(self.fate, Fate::Acknowledged(_)))
    }

    /// What the node that made it has done for it.
    pub(crate) fn custody(&self) -> Custody {
        match (self.planned.durability, &self.fate) {
            (Durability::Synced, Fate::Acknowledged(_)) => Custody::Synced,
            _ => Custody::Logged,
        }
    }

    /// True if it was certainly over before another was sent.
    pub(crate) fn ended_before(&self, at_us: u64) -> bool {
        self.made().is_some_and(|(_, answered_us)| answered_us < at_us)
    }
}
