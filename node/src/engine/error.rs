//! What the engine refuses, and why.

use super::step::StepError;
use crate::session::Partition;
use crate::store::StoreError;

/// Why a call on the engine failed. Nothing was changed, unless the variant says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The command cannot be carried out on the session as it is.
    #[error(transparent)]
    Refused(#[from] StepError),
    /// The disk failed under this call.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This node takes no writes. Nothing was changed.
    #[error("not ready: {detail}")]
    NotReady {
        /// Why.
        detail: String,
    },
    /// The write is in memory here and perhaps at peers already, but could not be
    /// synced as was asked for: it may be lost or kept.
    #[error("applied, but not synced: {detail}")]
    Unsynced {
        /// Why.
        detail: String,
    },
}

impl EngineError {
    /// An argument or setting is out of its range.
    pub(super) fn invalid(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused(StepError::InvalidArgument { field, detail: detail.into() })
    }

    pub(super) fn not_ready(detail: impl Into<String>) -> Self {
        Self::NotReady { detail: detail.into() }
    }
}

/// The log no longer reaches back to what was asked for: transfer full states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log of partition {} is truncated", partition.0)]
pub struct Truncated {
    /// Of which partition.
    pub partition: Partition,
}

/// A node has not yet seen what a causal token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this replica has not yet received the writes that the token names")]
pub struct NotYet;
