//! From gRPC codes and reasons to [`Error`]. proto/README.md has the table.

use sojourn_proto::session::v1;
use tonic::{Code, Status};

use super::details;
use super::{Details, Error};

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

/// An error of a whole call or stream.
pub(crate) fn from_status(status: &Status) -> Error {
    classify(status.code(), details::of(status))
}

/// Reasons come first; a reason that is not known falls back on the code.
fn classify(code: Code, details: Details) -> Error {
    match details.reason.as_str() {
        "SESSION_NOT_FOUND" => return Error::NotFound,
        "SESSION_EXPIRED" => return Error::Expired,
        "SESSION_REVOKED" => return Error::Revoked,
        "SESSION_EXISTS" | "SESSION_ALREADY_EXISTS" => return Error::AlreadyExists,
        "NOT_YET" => return Error::NotYet(Box::new(details)),
        "CONSISTENCY_NOT_REACHED" => return Error::ConsistencyNotReached(Box::new(details)),
        "LIMIT_EXCEEDED" => return Error::LimitExceeded(Box::new(details)),
        _ => {}
    }
    let details = Box::new(details);
    match code {
        Code::InvalidArgument | Code::OutOfRange => Error::InvalidArgument(details),
        Code::NotFound => Error::NotFound,
        Code::AlreadyExists => Error::AlreadyExists,
        Code::PermissionDenied | Code::Unauthenticated => Error::PermissionDenied(details),
        Code::ResourceExhausted if details.retry_after_ms > 0 => Error::Overloaded(details),
        Code::ResourceExhausted => Error::LimitExceeded(details),
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
        assert!(matches!(wire(Code::NotFound, "SESSION_EXPIRED", 0), Error::Expired));
        assert!(matches!(wire(Code::FailedPrecondition, "SESSION_REVOKED", 0), Error::Revoked));
        assert!(matches!(wire(Code::Unavailable, "NOT_YET", 5), Error::NotYet(_)));
        let shortfall = wire(Code::DeadlineExceeded, "CONSISTENCY_NOT_REACHED", 0);
        assert!(matches!(shortfall, Error::ConsistencyNotReached(_)));
        assert!(!shortfall.is_retryable(), "the write is kept; repeating it is the caller's decision");
    }

    #[test]
    fn limits_and_overload_are_told_apart() {
        let limit = wire(Code::ResourceExhausted, "LIMIT_EXCEEDED", 0);
        assert!(!limit.is_retryable());
        assert_eq!(limit.details().and_then(|details| details.metadata.get("limit")).unwrap(), "4096");
        let overload = wire(Code::ResourceExhausted, "", 20);
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
