use std::collections::BTreeSet;

use super::*;
use crate::engine::EngineError;

#[test]
fn every_reason_is_told_in_both_forms() {
    for reason in Reason::ALL {
        let failure = Failure::new(*reason, "what went wrong").with("field", "namespace");
        let error = failure.clone().into_error();
        assert_eq!(error.code, i32::from(reason.code()));
        assert_eq!(error.reason, reason.as_str());
        let status = failure.into_status();
        assert_eq!(status.code(), reason.code());
        assert_eq!(status.message(), "what went wrong");
        let details = status.get_error_details();
        let info = details.error_info().expect("ErrorInfo");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason.as_str(), "sojourn"));
        assert_eq!(info.metadata.get("field").map(String::as_str), Some("namespace"));
        let retry_ms =
            details.retry_info().and_then(|retry| retry.retry_delay).map(|delay| delay.as_millis());
        assert_eq!(retry_ms.unwrap_or(0), u128::from(error.retry_after_ms));
    }
}

#[test]
fn reasons_have_distinct_names() {
    let names: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names.len(), Reason::ALL.len());
}

#[test]
fn only_what_may_pass_by_itself_is_worth_a_retry() {
    for reason in Reason::ALL {
        let passing = matches!(reason.code(), Code::Unavailable | Code::ResourceExhausted);
        assert_eq!(reason.retry_after_ms() > 0, passing, "{}", reason.as_str());
    }
}

#[test]
fn a_write_that_may_be_kept_is_not_told_as_one_to_make_elsewhere() {
    let unsynced = EngineError::Unsynced { detail: "a disk failed".into() };
    let error = Failure::from(unsynced).into_error();
    assert_eq!((error.reason.as_str(), error.retry_after_ms), ("STORE_FAILED", 0));
    let refused = EngineError::NotReady { detail: "a disk failed".into() };
    assert_eq!(Failure::from(refused).into_error().reason, "NOT_READY");
}

/// The table for users lists each reason with its code.
#[test]
fn the_table_for_users_is_complete() {
    let table = include_str!("../../../../proto/README.md");
    for reason in Reason::ALL {
        let code = format!("{:?}", reason.code());
        let screaming = code.chars().fold(String::new(), |mut name, letter| {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
            name
        });
        let row = table.lines().find(|line| line.starts_with(&format!("| `{}` |", reason.as_str())));
        assert!(row.is_some_and(|row| row.contains(&format!("| `{screaming}` |"))), "{}", reason.as_str());
    }
}
