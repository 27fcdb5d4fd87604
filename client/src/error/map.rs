//! From gRPC codes and reasons to [`Error`]. proto/README.md has the table.

use sojourn_proto::session::v1;
use tonic::{Code, Status};

use super::details;
use super::{Details, Error, Partial};

/// An error inside a stream or a batch.
pub(crate) fn from_wire(error: v1::Error) -> Error {
    let details = Details {
        message: error.message,
        reason: error.reason,
        metadata: error.metadata,
        retry_after_ms: error.retry_after_ms,
    };
    classify(Code::from_i32(error.code), details)
}

/// The node's own words.
fn from_status(status: &Status) -> Error {
    classify(status.code(), details::of(status))
}

/// An error of a connection or of a stream as a whole: unless the node refuses
/// this client, another attempt may succeed.
pub(crate) fn from_broken(status: &Status) -> Error {
    match (from_status(status), deepest(status)) {
        (error @ Error::PermissionDenied(_), _) => error,
        (_, Some(cause)) => Error::unavailable(cause),
        (error, None) if error.is_retryable() => error,
        (error, None) => Error::unavailable(format!("the stream broke: {error}")),
    }
}

/// An error of a unary call: the node's own words, or why it was not reached.
pub(crate) fn from_unary(status: &Status) -> Error {
    if std::error::Error::source(status).is_some() { from_broken(status) } else { from_status(status) }
}

/// The first cause, which says more than "transport error".
fn deepest(status: &Status) -> Option<String> {
    let mut cause = std::error::Error::source(status)?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cause.to_string())
}

/// Reasons come first; one that is not known falls back on the code.
fn classify(code: Code, details: Details) -> Error {
    let details = Box::new(details);
    match details.reason.as_str() {
        "SESSION_NOT_FOUND" => Error::NotFound,
        "SESSION_REVOKED" => Error::Revoked(details),
        "SESSION_ROTATED" => Error::Rotated(details),
        "SESSION_ALREADY_ROTATED" => Error::AlreadyRotated(details),
        "SESSION_EXISTS" => Error::AlreadyExists,
        "NOT_AS_EXPECTED" => Error::NotAsExpected(details),
        "NOT_YET" => Error::NotYet(details),
        "CONSISTENCY_NOT_REACHED" => Error::Partial(Box::new(Partial::new(*details))),
        "READ_CONSISTENCY_NOT_REACHED" => Error::ConsistencyNotReached(details),
        "REVOCATIONS_TOO_STALE" => Error::RevocationsTooStale(details),
        "LIMIT_EXCEEDED" => Error::LimitExceeded(details),
        "ADOPTED_ID_REFUSED" => Error::InvalidArgument(details),
        "OVERLOADED" => Error::Overloaded(details),
        _ => by_code(code, details),
    }
}

fn by_code(code: Code, details: Box<Details>) -> Error {
    match code {
        Code::InvalidArgument => Error::InvalidArgument(details),
        Code::OutOfRange => Error::LimitExceeded(details),
        Code::NotFound => Error::NotFound,
        Code::AlreadyExists => Error::AlreadyExists,
        Code::PermissionDenied | Code::Unauthenticated => Error::PermissionDenied(details),
        Code::ResourceExhausted => Error::Overloaded(details),
        Code::Unavailable => Error::Unavailable(details),
        Code::DeadlineExceeded => Error::DeadlineExceeded,
        _ => Error::Server(details),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn wire(code: Code, reason: &str, retry_after_ms: u32) -> Error {
        let metadata = BTreeMap::from([("limit".to_owned(), "4096".to_owned())]);
        from_wire(v1::Error {
            code: code as i32,
            message: "m".into(),
            reason: reason.into(),
            metadata,
            retry_after_ms,
        })
    }

    #[test]
    fn reasons_name_the_error() {
        assert!(matches!(wire(Code::NotFound, "SESSION_NOT_FOUND", 0), Error::NotFound));
        assert!(matches!(wire(Code::FailedPrecondition, "SESSION_REVOKED", 0), Error::Revoked(_)));
        let rotated = wire(Code::FailedPrecondition, "SESSION_ROTATED", 0);
        assert!(matches!(rotated, Error::Rotated(_)) && rotated.is_gone());
        let raced = wire(Code::FailedPrecondition, "SESSION_ALREADY_ROTATED", 0);
        assert!(matches!(raced, Error::AlreadyRotated(_)) && !raced.is_gone());
        assert!(matches!(wire(Code::AlreadyExists, "SESSION_EXISTS", 0), Error::AlreadyExists));
        assert!(matches!(wire(Code::Unavailable, "NOT_YET", 5), Error::NotYet(_)));
        let shortfall = wire(Code::DeadlineExceeded, "CONSISTENCY_NOT_REACHED", 0);
        assert!(matches!(shortfall, Error::Partial(_)));
        assert!(!shortfall.is_retryable(), "the write is kept; repeating it is the caller's decision");
    }

    #[test]
    fn limits_and_overload_are_told_apart() {
        let limit = wire(Code::InvalidArgument, "LIMIT_EXCEEDED", 0);
        assert!(!limit.is_retryable());
        assert_eq!(limit.details().and_then(|details| details.metadata.get("limit")).unwrap(), "4096");
        let overload = wire(Code::ResourceExhausted, "OVERLOADED", 20);
        assert!(overload.is_retryable());
        assert_eq!(overload.retry_after_ms(), 20);
    }

    #[test]
    fn an_unknown_reason_falls_back_on_its_code() {
        assert!(matches!(wire(Code::InvalidArgument, "SOMETHING_NEW", 0), Error::InvalidArgument(_)));
        assert!(matches!(wire(Code::FailedPrecondition, "SOMETHING_NEW", 0), Error::Server(_)));
        assert!(matches!(wire(Code::Ok, "", 0), Error::Server(_)), "never taken for success");
    }
}
