//! Runs that did not hold.

use crate::record::Outcome;
use crate::run::RunError;

/// What a run that did not hold has broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The invariant's id, or "panic".
    pub invariant: String,
    /// What was seen and what should have been, on one line.
    pub detail: String,
}

impl Failing {
    /// None if the run held.
    #[must_use]
    pub fn of(outcome: &Result<Outcome, RunError>) -> Option<Self> {
        let (invariant, detail) = match outcome {
            Ok(Outcome { violation: None, .. }) => return None,
            Ok(Outcome { violation: Some(violation), .. }) => (violation.invariant, violation.to_string()),
            Err(error) => ("panic", error.to_string()),
        };
        Some(Self { invariant: invariant.to_owned(), detail: detail.replace('\n', " ") })
    }
}
