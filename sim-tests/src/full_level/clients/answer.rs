//! What an answer of the client library means for the oracle.
//!
//! A client that makes attempts of its own may have had one whose outcome nobody
//! knows before the last one was refused. So its refused writes are unknown; only
//! clients without attempts of their own tell for certain that nothing was changed.

use sojourn_client::Error;

use crate::record::Refusal;

/// What a failed call says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// Made at the replica of this id, and not confirmed.
    Partly(u32),
    Refused(Refusal),
    Unknown,
}

/// Of a read: it has changed nothing, whatever happened.
pub(super) fn of_read(error: &Error) -> Failed {
    Failed::Refused(match error {
        Error::NotFound => Refusal::NotFound,
        Error::Revoked(_) => Refusal::Revoked,
        Error::Rotated(_) => Refusal::Rotated,
        Error::AlreadyRotated(_) => Refusal::AlreadyRotated,
        Error::AlreadyExists => Refusal::AlreadyExists,
        Error::NotYet(_) => Refusal::NotYet,
        Error::InvalidArgument(_) | Error::LimitExceeded(_) | Error::PermissionDenied(_) => Refusal::Invalid,
        _ => Refusal::Unavailable,
    })
}

/// Of a write by a client that makes further attempts of its own, or not.
pub(super) fn of_write(error: &Error, retries: bool) -> Failed {
    if let Error::Partial(partial) = error {
        let replica = partial.details.metadata.get("replica_id").and_then(|id| id.parse().ok());
        return replica.map_or(Failed::Unknown, Failed::Partly);
    }
    if retries {
        return Failed::Unknown;
    }
    match error {
        Error::NotFound
        | Error::Revoked(_)
        | Error::Rotated(_)
        | Error::AlreadyRotated(_)
        | Error::AlreadyExists
        | Error::NotYet(_)
        | Error::InvalidArgument(_)
        | Error::LimitExceeded(_)
        | Error::PermissionDenied(_) => of_read(error),
        // The node's own words; without them the connection broke, and nobody knows when.
        Error::Unavailable(details) | Error::Overloaded(details) => {
            let unapplied = !details.metadata.contains_key("applied") && !details.reason.is_empty();
            if unapplied { Failed::Refused(Refusal::Unavailable) } else { Failed::Unknown }
        }
        _ => Failed::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use sojourn_client::{Details, Partial};

    use super::*;

    fn details(reason: &str, metadata: &[(&str, &str)]) -> Box<Details> {
        let metadata = metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Box::new(Details { reason: reason.into(), metadata, ..Details::default() })
    }

    #[test]
    fn only_what_a_node_said_itself_at_the_only_attempt_is_certain() {
        let said = Error::Unavailable(details("NOT_READY", &[]));
        assert_eq!(of_write(&said, false), Failed::Refused(Refusal::Unavailable));
        assert_eq!(of_write(&said, true), Failed::Unknown);
        assert_eq!(of_write(&Error::Unavailable(details("", &[])), false), Failed::Unknown);
        let maybe = Error::Unavailable(details("NO_REPLICA", &[("applied", "unknown")]));
        assert_eq!(of_write(&maybe, false), Failed::Unknown);
        assert_eq!(of_write(&Error::NotFound, false), Failed::Refused(Refusal::NotFound));
        assert_eq!(of_write(&Error::NotFound, true), Failed::Unknown);
        assert_eq!(of_write(&Error::DeadlineExceeded, false), Failed::Unknown);
    }

    #[test]
    fn a_write_that_too_few_confirmed_names_who_made_it() {
        let details = *details("CONSISTENCY_NOT_REACHED", &[("replica_id", "3")]);
        let short = Error::Partial(Box::new(Partial { details, ..Partial::default() }));
        assert_eq!(of_write(&short, true), Failed::Partly(3));
    }

    #[test]
    fn a_read_never_changes_anything() {
        assert_eq!(of_read(&Error::DeadlineExceeded), Failed::Refused(Refusal::Unavailable));
    }
}
