//! `sojourn-sim shrink`: what matters of a failing plan.

use std::path::{Path, PathBuf};

use sojourn_sim::Failing;
use sojourn_sim::plan::Plan;
use sojourn_sim::prose::{self, count};
use sojourn_sim::shrink::{Shrunk, shrink};

use crate::cli::args::ShrinkArgs;
use crate::cli::batch::Progress;
use crate::cli::error::CliError;
use crate::cli::{output, panics, source};

/// Shrinks the plan, writes it and says what is left.
pub(crate) fn run(args: &ShrinkArgs) -> Result<(), CliError> {
    let plan = source::plan(&args.plan)?;
    panics::silence();
    let Some(failing) = failing(&plan) else {
        return Err(CliError::Usage(format!("seed {} holds: there is nothing to shrink", plan.seed)));
    };
    output::line(format!("seed {} breaks {}: {}", plan.seed, failing.invariant, failing.detail));
    let path = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("plan-{}.json", plan.seed)));
    let shrunk = shrunk(plan, &failing.invariant, args.tries);
    write(&path, &shrunk.plan)?;
    let how = if shrunk.is_minimal { "nothing more can go" } else { "more might go with more --tries" };
    output::line(format!("After {} {how}. What is left:\n", count(shrunk.runs, "run")));
    output::lines(prose::plan(&shrunk.plan));
    output::line(format!(
        "\nWrote {}. Replay: {}",
        path.display(),
        source::stored_replay_command(&path, None)
    ));
    Ok(())
}

fn failing(plan: &Plan) -> Option<Failing> {
    Failing::of(plan, &sojourn_sim::run(plan, false))
}

fn shrunk(plan: Plan, invariant: &str, tries: u64) -> Shrunk {
    let mut progress = Progress::new("runs", None, false);
    let run = |candidate: &Plan| failing(candidate).map(|failing| failing.invariant);
    shrink(plan, invariant, tries, run, |stand| {
        progress.show(stand.runs, || {
            let (faults, calls) = (stand.faults as u64, stand.operations as u64);
            format!("tries: {} and {} left", count(faults, "fault"), count(calls, "call"))
        });
    })
}

fn write(path: &Path, plan: &Plan) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(plan).map_err(|error| CliError::Usage(error.to_string()))?;
    std::fs::write(path, text).map_err(|error| CliError::file("cannot write", path, error))
}
