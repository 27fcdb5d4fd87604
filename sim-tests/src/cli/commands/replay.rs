//! `sojourn-sim replay`: one plan again, in words.

use sojourn_sim::Failing;
use sojourn_sim::plan::Plan;
use sojourn_sim::prose::{self, Names};
use sojourn_sim::record::Outcome;

use crate::cli::args::ReplayArgs;
use crate::cli::error::CliError;
use crate::cli::{output, source};

/// Says what is planned, runs it, and says whether it held.
pub(crate) fn run(args: &ReplayArgs) -> Result<(), CliError> {
    let plan = source::plan(&args.plan)?;
    output::lines(prose::plan(&plan));
    output::line("");
    let outcome = sojourn_sim::run(&plan, args.verbose);
    if let Ok(outcome) = &outcome {
        tell(&plan, outcome);
    }
    match Failing::of(&plan, &outcome) {
        None => {
            output::line("Everything held.");
            Ok(())
        }
        Some(Failing { invariant, detail }) => {
            Err(CliError::Broken(format!("seed {} failed: {invariant}: {detail}", plan.seed)))
        }
    }
}

fn tell(plan: &Plan, outcome: &Outcome) {
    let names = Names::new(&plan.shape);
    for (at_us, happening) in &outcome.timeline {
        output::line(prose::happening(*at_us, happening, plan, &names));
    }
    for (class, observed) in &outcome.faults {
        let effect = if *observed { "changed something" } else { "changed nothing" };
        output::line(format!("{}: {effect}", class.name()));
    }
    let counts = outcome.counts;
    output::line(format!(
        "{} happenings in {:.3} simulated seconds; operations: {} succeeded, {} refused, {} unknown",
        outcome.happenings,
        outcome.simulated_us as f64 / 1e6,
        counts.succeeded,
        counts.refused,
        counts.unknown
    ));
    if outcome.is_held_back {
        output::lines(prose::held_back(1));
    }
    output::line(format!("trace hash {:032x}", outcome.trace_hash));
}
