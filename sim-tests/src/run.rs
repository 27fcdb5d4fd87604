//! Runs a plan.

use crate::plan::{Level, Plan};
use crate::record::{Outcome, Recorder};
use crate::{core_level, full_level};

/// A plan that cannot be run at all; no statement about the product.
#[derive(Debug, thiserror::Error)]
#[error("the simulation cannot run: {0}")]
pub struct RunError(pub String);

/// Runs a plan in a thread of its own, so that nothing thread-local carries over
/// from one run to the next. `keep` keeps the timeline, for a report.
///
/// # Errors
/// [`RunError`] if the simulation itself failed, a panic of the product included.
pub fn run(plan: &Plan, keep: bool) -> Result<Outcome, RunError> {
    let recorder = Recorder::new(plan, keep);
    let plan = plan.clone();
    let run = move || match plan.level {
        Level::Core => core_level::run(&plan, recorder),
        Level::Full => full_level::run(&plan, recorder),
    };
    let thread = std::thread::Builder::new().name("simulation".into()).spawn(run);
    let thread = thread.map_err(|error| RunError(error.to_string()))?;
    thread.join().unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(RunError(format!("the product panicked: {}", said.unwrap_or("without a message"))))
    })
}
