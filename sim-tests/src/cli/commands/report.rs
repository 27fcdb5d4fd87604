//! `sojourn-sim report`: a page that shows one run.

use std::path::Path;

use sojourn_sim::Failing;
use sojourn_sim::plan::Plan;
use sojourn_sim::record::Outcome;

use crate::cli::args::ReportArgs;
use crate::cli::error::CliError;
use crate::cli::{output, source};

/// Runs the plan and writes the page. A run that did not hold is worth a page too, and fails the command
/// once it is written.
pub(crate) fn run(args: &ReportArgs) -> Result<(), CliError> {
    let plan = source::plan(&args.plan)?;
    let outcome = sojourn_sim::run(&plan, true);
    let failing = Failing::of(&plan, &outcome);
    let outcome = outcome.map_err(|error| CliError::Broken(error.to_string()))?;
    write(&args.out, &plan, &outcome, &source::replay_command_of(&args.plan, &plan))?;
    match failing {
        None => {
            output::line("Everything held.");
            Ok(())
        }
        Some(Failing { invariant, detail }) => {
            Err(CliError::Broken(format!("seed {} failed: {invariant}: {detail}", plan.seed)))
        }
    }
}

/// Writes the page of a run, and says so. `replay` is the command that runs the same again.
pub(crate) fn write(path: &Path, plan: &Plan, outcome: &Outcome, replay: &str) -> Result<(), CliError> {
    let page = sojourn_sim::report::page(plan, outcome, replay);
    std::fs::write(path, page).map_err(|error| CliError::file("cannot write", path, error))?;
    output::line(format!("Wrote {}.", path.display()));
    Ok(())
}
