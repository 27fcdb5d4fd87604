//! The only place where failures become answers: a gRPC status with
//! `google.rpc.ErrorInfo` details, or `sojourn.session.v1.Error` on a stream.
//!
//! proto/README.md is the table of these for users.

mod from;
mod reason;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sojourn_proto::session::v1 as pb;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

pub use reason::Reason;

/// The domain of every reason in `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "sojourn";

/// A call that failed: the facts of one answer. Holds no session id, value or secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    reason: Reason,
    message: String,
    metadata: BTreeMap<String, String>,
    retry_after_ms: u32,
}

impl Failure {
    /// A failure with a message for people; the reason decides the status code.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let retry_after_ms = reason.retry_after_ms();
        Self { reason, message: message.into(), metadata: BTreeMap::new(), retry_after_ms }
    }

    /// Adds a fact for programs.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// A field that is not as it should be: what it is called and what is allowed.
    #[must_use]
    pub fn field(field: &str, allowed: &str) -> Self {
        let message = format!("{field} must be {allowed}");
        Self::new(Reason::InvalidField, message).with("field", field).with("allowed", allowed)
    }

    /// Whether the call was refused for what it asks, so that nothing came of it.
    #[must_use]
    pub fn changed_nothing(&self) -> bool {
        use Code::{Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound};
        matches!(
            self.reason.code(),
            Aborted | AlreadyExists | FailedPrecondition | InvalidArgument | NotFound
        )
    }

    /// Tells the id that a session got by a write that is made, though not as widely as was
    /// asked for: without it the caller could neither use nor end the session.
    #[must_use]
    pub fn with_new_id(self, session_id: &str) -> Self {
        if self.reason == Reason::ConsistencyNotReached { self.with("session_id", session_id) } else { self }
    }

    /// Why, for programs.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// One of the facts that it states, by name.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(String::as_str)
    }

    /// As a gRPC status.
    #[must_use]
    pub fn into_status(self) -> Status {
        status(self.into_error())
    }

    /// As an error on a stream or in a batch.
    #[must_use]
    pub fn into_error(self) -> pb::Error {
        pb::Error {
            code: self.reason.code().into(),
            message: self.message,
            reason: self.reason.as_str().to_owned(),
            metadata: self.metadata,
            retry_after_ms: self.retry_after_ms,
        }
    }
}

impl From<pb::Error> for Failure {
    /// What another node has answered.
    fn from(error: pb::Error) -> Self {
        let known = Reason::ALL.iter().find(|reason| reason.as_str() == error.reason);
        Self {
            reason: known.copied().unwrap_or(Reason::Internal),
            message: error.message,
            metadata: error.metadata,
            retry_after_ms: error.retry_after_ms,
        }
    }
}

/// The gRPC status that states the same facts as an error on a stream.
#[must_use]
pub fn status(error: pb::Error) -> Status {
    let metadata: HashMap<String, String> = error.metadata.into_iter().collect();
    let mut details = ErrorDetails::with_error_info(error.reason, DOMAIN, metadata);
    if error.retry_after_ms > 0 {
        details.set_retry_info(Some(Duration::from_millis(error.retry_after_ms.into())));
    }
    Status::with_error_details(Code::from_i32(error.code), error.message, details)
}

#[cfg(test)]
mod tests;
