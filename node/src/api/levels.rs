//! Consistency and durability levels as they come over the wire.

use sojourn_proto::session::v1 as pb;

use super::status::{Failure, Reason};

/// The level of a write.
pub(super) fn write_consistency(number: i32) -> Result<pb::Consistency, Failure> {
    match pb::Consistency::try_from(number) {
        Ok(pb::Consistency::Unspecified) => Ok(pb::Consistency::LocalOne),
        Ok(level) => Ok(level),
        Err(_) => Err(unknown(Reason::UnknownConsistency, "consistency", number, "0 to 4")),
    }
}

/// The level of a read.
pub(super) fn read_consistency(number: i32) -> Result<pb::Consistency, Failure> {
    let level = write_consistency(number)?;
    if level != pb::Consistency::EachQuorum {
        return Ok(level);
    }
    let allowed = "CONSISTENCY_LOCAL_ONE, CONSISTENCY_LOCAL_QUORUM, CONSISTENCY_ALL";
    let message = format!("CONSISTENCY_EACH_QUORUM is for writes; a read takes {allowed}");
    let failure = Failure::new(Reason::ConsistencyNotForReads, message);
    Err(failure.with("field", "options.consistency").with("allowed", allowed))
}

/// Whether a write must be on disk before the answer.
pub(super) fn durability(number: i32) -> Result<pb::Durability, Failure> {
    match pb::Durability::try_from(number) {
        Ok(pb::Durability::Unspecified) => Ok(pb::Durability::Buffered),
        Ok(level) => Ok(level),
        Err(_) => Err(unknown(Reason::UnknownDurability, "durability", number, "0 to 2")),
    }
}

fn unknown(reason: Reason, field: &str, number: i32, allowed: &str) -> Failure {
    let field = format!("options.{field}");
    let message = format!("{field} is {number}; known are {allowed}");
    Failure::new(reason, message).with("field", field).with("actual", number).with("allowed", allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unspecified_levels_have_their_default() {
        assert_eq!(write_consistency(0), Ok(pb::Consistency::LocalOne));
        assert_eq!(durability(0), Ok(pb::Durability::Buffered));
    }

    #[test]
    fn unknown_levels_are_refused() {
        let error = write_consistency(5).unwrap_err().into_error();
        assert_eq!((error.reason.as_str(), error.metadata["actual"].as_str()), ("UNKNOWN_CONSISTENCY", "5"));
        assert_eq!(read_consistency(-1).unwrap_err().reason(), Reason::UnknownConsistency);
        assert_eq!(durability(3).unwrap_err().reason(), Reason::UnknownDurability);
    }

    #[test]
    fn each_quorum_is_for_writes() {
        let each = pb::Consistency::EachQuorum;
        assert_eq!(write_consistency(each.into()), Ok(each));
        assert_eq!(read_consistency(each.into()).unwrap_err().reason(), Reason::ConsistencyNotForReads);
    }
}
