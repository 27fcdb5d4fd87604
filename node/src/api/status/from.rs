//! What each room's failure means to a caller.

use super::{Failure, Reason};
use crate::engine::{ClockError, EngineError, StepError};
use crate::session::DecodeError;
use crate::store::StoreError;

/// What a caller is told who shows an id that was replaced.
const ROTATED: &str = "the session has another id by now";

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refused) => refused.into(),
            EngineError::Store(error) => error.into(),
            EngineError::NotReady { detail } => {
                Self::new(Reason::NotReady, format!("this node takes no writes now: {detail}"))
            }
            EngineError::Unsynced { detail } => {
                tracing::error!(%detail, "a write could not be synced");
                Self::new(Reason::StoreFailed, "the write is applied, but could not be synced to the disk")
            }
        }
    }
}

impl From<StepError> for Failure {
    fn from(refused: StepError) -> Self {
        match refused {
            StepError::NotFound | StepError::Expired => Self::not_found(),
            StepError::Revoked => Self::new(Reason::SessionRevoked, "the session was revoked"),
            StepError::Rotated => Self::new(Reason::SessionRotated, ROTATED),
            StepError::AlreadyRotated => {
                let message = "another request has given the session a new id; use that one";
                Self::new(Reason::SessionAlreadyRotated, message)
            }
            StepError::AlreadyExists => {
                Self::new(Reason::SessionExists, "a session of this id exists or existed")
            }
            StepError::Partial => Self::incomplete(),
            StepError::LimitExceeded { field, limit, actual } => {
                let message = format!("{field} would be {actual}; at most {limit} is allowed");
                let failure = Self::new(Reason::LimitExceeded, message).with("field", field);
                failure.with("limit", limit).with("actual", actual)
            }
            StepError::InvalidArgument { field, detail } => {
                let message = format!("{field} {detail}");
                let allowed = detail.strip_prefix("must be ").unwrap_or(&detail);
                Self::new(Reason::InvalidField, message).with("field", field).with("allowed", allowed)
            }
            StepError::NotAsExpected { index } => {
                let message =
                    format!("expected_here[{index}] does not hold at this replica; nothing was changed");
                Self::new(Reason::NotAsExpected, message).with("index", index)
            }
        }
    }
}

impl From<ClockError> for Failure {
    fn from(error: ClockError) -> Self {
        let failure = Self::new(Reason::NotReady, error.to_string());
        match error {
            ClockError::Off { offset_ms, offset_max_ms } => {
                failure.with("clock_offset_ms", offset_ms).with("clock_offset_max_ms", offset_max_ms)
            }
            ClockError::Waiting => failure,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        // What failed is the operator's business, so it is in the log and not in the answer.
        tracing::error!(%error, "the store failed under a call");
        Self::new(Reason::StoreFailed, "this node's disk failed; a write may have been applied")
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        tracing::error!(%error, "a record cannot be read");
        Self::new(Reason::Internal, "this replica's record of the session cannot be read")
    }
}

impl Failure {
    /// No live session has the id.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Reason::SessionNotFound, "no live session has this id: it is unknown or has expired")
    }

    /// The id that was shown was replaced.
    #[must_use]
    pub fn rotated(at_ms: u64) -> Self {
        Self::new(Reason::SessionRotated, ROTATED).with("rotated_at_ms", at_ms)
    }

    /// Only a part of the session is here.
    #[must_use]
    pub fn incomplete() -> Self {
        let message = "this replica holds only a part of the session and is fetching the rest";
        Self::new(Reason::SessionIncomplete, message)
    }
}
