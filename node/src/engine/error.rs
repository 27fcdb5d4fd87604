//! What the engine refuses, and why.

use crate::session::Partition;
use crate::store::StoreError;

/// Why a call on the engine failed. Nothing was changed, unless the variant says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// No such session is held here.
    #[error("session not found")]
    NotFound,
    /// Its idle or absolute deadline has passed.
    #[error("session expired")]
    Expired,
    /// It was ended; its id is never used again.
    #[error("session revoked")]
    Revoked,
    /// The id shown was replaced, and is accepted no more.
    #[error("session id was replaced")]
    Rotated,
    /// The id shown was replaced and is accepted for a while, but not to rotate it again.
    #[error("session id was rotated already")]
    AlreadyRotated,
    /// A live session has this id already.
    #[error("session already exists")]
    AlreadyExists,
    /// Only fragments of it are held here: fetch the full state, merge it, call again.
    #[error("session is held only in part")]
    Partial,
    /// The result would be larger than allowed.
    #[error("{field} would be {actual}; at most {limit} is allowed")]
    LimitExceeded {
        /// The name of the limit.
        field: String,
        /// What is allowed.
        limit: u64,
        /// What it would have been.
        actual: u64,
    },
    /// An attribute does not hold what was expected here.
    #[error("expectation {index} does not hold")]
    NotAsExpected {
        /// Which expectation, from 0.
        index: usize,
    },
    /// An argument or setting is out of its range.
    #[error("{field} {detail}")]
    InvalidArgument {
        /// Which.
        field: String,
        /// What is allowed.
        detail: String,
    },
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

impl From<super::step::StepError> for EngineError {
    fn from(error: super::step::StepError) -> Self {
        use super::step::StepError as S;
        match error {
            S::NotFound => Self::NotFound,
            S::Expired => Self::Expired,
            S::Revoked => Self::Revoked,
            S::Rotated => Self::Rotated,
            S::AlreadyRotated => Self::AlreadyRotated,
            S::AlreadyExists => Self::AlreadyExists,
            S::Partial => Self::Partial,
            S::LimitExceeded { field, limit, actual } => {
                Self::LimitExceeded { field: field.into(), limit, actual }
            }
            S::NotAsExpected { index } => Self::NotAsExpected { index },
            S::InvalidArgument { field, detail } => Self::InvalidArgument { field: field.into(), detail },
        }
    }
}
