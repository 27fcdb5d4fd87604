//! One page that shows a run.

use crate::plan::Plan;
use crate::prose;
use crate::record::Outcome;

/// The page as HTML.
#[must_use]
pub fn page(plan: &Plan, outcome: &Outcome) -> String {
    format!("<!doctype html><pre>{}\n{:?}</pre>", prose::plan(plan).join("\n"), outcome.violation)
}
