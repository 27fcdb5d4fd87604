//! `sojourn-sim run`: many seeds.

use sojourn_sim::prose::count;

use crate::cli::args::RunArgs;
use crate::cli::batch::{Event, Progress, Tally, for_each};
use crate::cli::error::CliError;
use crate::cli::{host, output, panics, source};

const SEEDS_DEFAULT: u64 = 1_000;

/// Runs the seeds and prints what they showed.
pub(crate) fn run(args: &RunArgs) -> Result<(), CliError> {
    let scenario = args.scenario.as_deref();
    let level = source::level(args.level, scenario);
    // A scenario that cannot be drawn is wrong use, not a thousand failing seeds.
    source::drawn(args.seed_base, level, scenario)?;
    panics::silence();
    let total = if args.until_failure { args.seeds } else { Some(args.seeds.unwrap_or(SEEDS_DEFAULT)) };
    let end = total.map_or(u64::MAX, |seeds| args.seed_base.saturating_add(seeds));
    let mut tally = Tally::new(level, args.scenario.clone());
    let mut progress = Progress::new("seeds", total, args.plain);
    let work = |seed| {
        let plan =
            source::drawn(seed, level, scenario).map_err(|error| sojourn_sim::RunError(error.to_string()))?;
        sojourn_sim::run(&plan, false).map(|outcome| (plan, outcome))
    };
    for_each(args.seed_base..end, args.jobs.map_or_else(host::cores, usize::from), work, |event| {
        if let Event::Done(seed, result) = event
            && let Some(line) = tally.add(seed, &result)
        {
            progress.line(&line);
        }
        let real = progress.real();
        progress.show(tally.seeds, || tally.status(real));
        !args.until_failure || tally.failures.is_empty()
    });
    let real = progress.real();
    drop(progress);
    output::lines(tally.summary(real));
    verdict(args, &tally)
}

fn verdict(args: &RunArgs, tally: &Tally) -> Result<(), CliError> {
    if !tally.failures.is_empty() {
        let failed = tally.failures.len();
        return Err(CliError::Broken(format!("{failed} of {} failed", count(tally.seeds, "seed"))));
    }
    if !args.require_coverage {
        return Ok(());
    }
    let missing: Vec<&str> = tally.coverage.missing(tally.level).map(|class| class.name()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(CliError::Broken(format!("never observed to change anything: {}", missing.join(", "))))
}
