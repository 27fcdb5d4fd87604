//! Why a call failed.

mod details;
mod map;
mod partial;

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::config::ConfigError;

pub use partial::Partial;

pub(crate) use map::{from_broken, from_unary, from_wire};

/// Why a call failed. Anything that is not a clear answer is an error: a
/// session whose state cannot be established is never reported as live.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// No live session has this id in this namespace: unknown, expired, or not yet
    /// known to the region that answered.
    #[error("no such session: unknown or expired")]
    NotFound,
    /// The session was ended; it never comes back. The details' metadata say why
    /// and when (`revoke_reason`, `revoked_at_ms`).
    #[error("session revoked: {0}")]
    Revoked(Box<Details>),
    /// A rotation gave the session another id, and this one is accepted no more. The
    /// details' metadata say when (`rotated_at_ms`). Its use is noted for the audit.
    #[error("session id replaced: {0}")]
    Rotated(Box<Details>),
    /// Another request has rotated the id; this one is accepted for a while, but not to
    /// rotate it again. Nothing was changed.
    #[error("session id rotated already: {0}")]
    AlreadyRotated(Box<Details>),
    /// A session with this adopted id is or was there already.
    #[error("a session with this id exists already")]
    AlreadyExists,
    /// The request breaks a rule; the same request always fails. The details'
    /// metadata say what is allowed.
    #[error("invalid argument: {0}")]
    InvalidArgument(Box<Details>),
    /// Something is larger or more than is allowed; nothing was changed. The
    /// details' metadata have `field`, `limit` and `actual`.
    #[error("limit exceeded: {0}")]
    LimitExceeded(Box<Details>),
    /// An attribute does not hold what the update expects at the replica that was asked;
    /// nothing was changed.
    #[error("not as expected: {0}")]
    NotAsExpected(Box<Details>),
    /// The replica that answered has not seen the causal token's state in time.
    #[error("the state named by the causal token has not arrived yet: {0}")]
    NotYet(Box<Details>),
    /// The write is made and stays, but too few replicas confirmed it in time: neither a
    /// success as it was asked for nor a failure.
    #[error("partial success: {0}")]
    Partial(Box<Partial>),
    /// Too few replicas answered a read in time. Nothing was changed.
    #[error("consistency level not reached: {0}")]
    ConsistencyNotReached(Box<Details>),
    /// What the replica knows of the regions' revocations is older than the read allows.
    /// The details' metadata have `staleness_ms`, `staleness_ms_max` and `regions`.
    #[error("revocations too stale: {0}")]
    RevocationsTooStale(Box<Details>),
    /// The client's certificate does not allow this.
    #[error("permission denied: {0}")]
    PermissionDenied(Box<Details>),
    /// The node (or this client's queue to it) has too much to do.
    #[error("overloaded: {0}")]
    Overloaded(Box<Details>),
    /// No node could be reached that answers the call.
    #[error("unavailable: {0}")]
    Unavailable(Box<Details>),
    /// No answer in time. A write may have taken effect.
    #[error("no answer within the time given; a write may have taken effect")]
    DeadlineExceeded,
    /// The configuration is not usable.
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    /// An answer that this version does not understand.
    #[error("unexpected answer: {0}")]
    Protocol(Box<Details>),
    /// The node failed in a way that has no case of its own.
    #[error("{0}")]
    Server(Box<Details>),
}

/// What a node said about an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// For people.
    pub message: String,
    /// For programs: a reason listed in proto/README.md, or empty.
    pub reason: String,
    /// What was wrong and what is allowed, for example `field`, `limit`, `actual`.
    pub metadata: BTreeMap<String, String>,
    /// How long to wait before another attempt makes sense, in milliseconds; 0: not said.
    pub retry_after_ms: u32,
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.reason.is_empty() {
            write!(f, " [{}]", self.reason)?;
        }
        Ok(())
    }
}

impl Details {
    pub(crate) fn message(message: impl Into<String>) -> Box<Self> {
        Box::new(Self { message: message.into(), ..Self::default() })
    }
}

impl Error {
    /// Whether another attempt, perhaps at another node, may succeed. The client
    /// has made its own attempts before it returns such an error.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Overloaded(_) | Self::RevocationsTooStale(_))
    }

    /// Whether the session is known to be no longer usable by this id: unknown, expired,
    /// revoked, or under another id.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound | Self::Revoked(_) | Self::Rotated(_))
    }

    /// What the node said beyond the kind of error.
    #[must_use]
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Revoked(details)
            | Self::Rotated(details)
            | Self::AlreadyRotated(details)
            | Self::InvalidArgument(details)
            | Self::LimitExceeded(details)
            | Self::NotAsExpected(details)
            | Self::NotYet(details)
            | Self::ConsistencyNotReached(details)
            | Self::RevocationsTooStale(details)
            | Self::PermissionDenied(details)
            | Self::Overloaded(details)
            | Self::Unavailable(details)
            | Self::Protocol(details)
            | Self::Server(details) => Some(details),
            Self::Partial(partial) => Some(&partial.details),
            _ => None,
        }
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable(Details::message(message))
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::Protocol(Details::message(message))
    }

    /// For programs: the node's reason as listed in proto/README.md; where it
    /// gave none, a word for the kind of error.
    #[must_use]
    pub fn reason(&self) -> &str {
        if let Some(details) = self.details().filter(|details| !details.reason.is_empty()) {
            return &details.reason;
        }
        match self {
            Self::NotFound => "SESSION_NOT_FOUND",
            Self::Revoked(_) => "SESSION_REVOKED",
            Self::Rotated(_) => "SESSION_ROTATED",
            Self::AlreadyRotated(_) => "SESSION_ALREADY_ROTATED",
            Self::AlreadyExists => "SESSION_EXISTS",
            Self::InvalidArgument(_) => "INVALID_FIELD",
            Self::LimitExceeded(_) => "LIMIT_EXCEEDED",
            Self::NotAsExpected(_) => "NOT_AS_EXPECTED",
            Self::NotYet(_) => "NOT_YET",
            Self::Partial(_) => "CONSISTENCY_NOT_REACHED",
            Self::ConsistencyNotReached(_) => "READ_CONSISTENCY_NOT_REACHED",
            Self::RevocationsTooStale(_) => "REVOCATIONS_TOO_STALE",
            Self::PermissionDenied(_) => "PERMISSION_DENIED",
            Self::Overloaded(_) => "OVERLOADED",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::DeadlineExceeded => "TIMED_OUT",
            Self::Config(_) => "CONFIGURATION",
            Self::Protocol(_) => "UNEXPECTED_ANSWER",
            Self::Server(_) => "INTERNAL",
        }
    }

    pub(crate) fn retry_after_ms(&self) -> u32 {
        self.details().map_or(0, |details| details.retry_after_ms)
    }
}
