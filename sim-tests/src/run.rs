//! Runs a plan.

use std::any::Any;
use std::cell::RefCell;

use crate::plan::{Level, Plan};
use crate::record::{Outcome, Recorder};
use crate::{core_level, full_level};

/// A plan that cannot be run at all; no statement about the product.
#[derive(Debug, thiserror::Error)]
#[error("the simulation cannot run: {0}")]
pub struct RunError(pub String);

/// The name of the thread that a simulation runs in.
pub const SIMULATION_THREAD: &str = "simulation";

thread_local! {
    static PLAYED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Which plan the calling thread runs; none if it runs none.
#[must_use]
pub fn played_here() -> Option<String> {
    PLAYED.with_borrow(Clone::clone)
}

/// Runs a plan in a thread of its own, so that nothing thread-local carries over
/// from one run to the next. `keep` keeps the timeline, for a report.
///
/// # Errors
/// [`RunError`] if the simulation itself failed, a panic of the product included.
pub fn run(plan: &Plan, keep: bool) -> Result<Outcome, RunError> {
    in_its_thread(plan, keep, || {})
}

/// Runs a plan with a planted fault active in its thread, and nowhere else.
///
/// # Errors
/// [`RunError`] if the simulation itself failed, a panic of the product included.
#[cfg(feature = "planted-bugs")]
pub fn run_planted(plan: &Plan, plant: sojourn_node::planted::Plant) -> Result<Outcome, RunError> {
    in_its_thread(plan, false, move || sojourn_node::planted::activate(Some(plant)))
}

fn name_of(plan: &Plan) -> String {
    let Plan { seed, level, scenario, .. } = plan;
    let scenario = scenario.as_ref().map(|name| format!(" of scenario {name}")).unwrap_or_default();
    format!("seed {seed}{scenario} at the {} level", level.name())
}

fn in_its_thread(
    plan: &Plan,
    keep: bool,
    prepare: impl FnOnce() + Send + 'static,
) -> Result<Outcome, RunError> {
    let recorder = Recorder::new(plan, keep);
    let plan = plan.clone();
    let run = move || {
        PLAYED.replace(Some(name_of(&plan)));
        prepare();
        match plan.level {
            Level::Core => core_level::run(&plan, recorder),
            Level::Full => full_level::run(&plan, recorder),
        }
    };
    let thread = std::thread::Builder::new().name(SIMULATION_THREAD.into()).spawn(run);
    let thread = thread.map_err(|error| RunError(error.to_string()))?;
    thread
        .join()
        .unwrap_or_else(|panic| Err(RunError(format!("the product panicked: {}", panic_message(&*panic)))))
}

/// What a panic said.
#[must_use]
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let said = payload.downcast_ref::<String>().map(String::as_str);
    said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
