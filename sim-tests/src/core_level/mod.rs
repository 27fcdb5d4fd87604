//! The core level.

use crate::plan::Plan;
use crate::record::{Outcome, Recorder};
use crate::run::RunError;

/// Runs a plan.
pub(crate) fn run(_plan: &Plan, recorder: Recorder) -> Result<Outcome, RunError> {
    Ok(recorder.finish(0))
}
