//! `sojourn-sim hash`: the hash of a whole trace, for tests that compare processes.

use crate::cli::args::HashArgs;
use crate::cli::error::CliError;
use crate::cli::{output, source};

/// Runs the plan and prints its trace's hash, whether it held or not.
pub(crate) fn run(args: &HashArgs) -> Result<(), CliError> {
    let plan = source::plan(&args.plan)?;
    let outcome = sojourn_sim::run(&plan, false).map_err(|error| CliError::Broken(error.to_string()))?;
    output::line(format!("{:032x}", outcome.trace_hash));
    Ok(())
}
