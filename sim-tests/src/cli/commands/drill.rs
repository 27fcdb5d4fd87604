//! `sojourn-sim drill`: a user's own cluster, workload and faults.

use std::path::Path;

use sojourn_sim::drill::{Drill, Verdict};

use crate::cli::args::DrillArgs;
use crate::cli::batch::{Event, Progress, for_each};
use crate::cli::error::CliError;
use crate::cli::{host, output, panics};

/// Runs the drill and prints what it showed.
pub(crate) fn run(args: &DrillArgs) -> Result<(), CliError> {
    let drill = read(&args.file)?;
    panics::silence();
    let (mut verdict, mut done) = (Verdict::default(), 0);
    let mut progress = Progress::new("runs", Some(args.seeds), false);
    let end = args.seed_base.saturating_add(args.seeds);
    let work = |seed| {
        let plan = drill.plan(seed);
        sojourn_sim::run(&plan, true).map(|outcome| (plan, outcome))
    };
    for_each(args.seed_base..end, args.jobs.map_or_else(host::cores, usize::from), work, |event| {
        if let Event::Done(seed, result) = event {
            done += 1;
            match result {
                Ok((plan, outcome)) => verdict.add(&plan, &outcome),
                Err(error) => verdict.add_unfinished(seed, &error),
            }
        }
        progress.show(done, || drill.name().to_owned());
        true
    });
    drop(progress);
    output::line(format!("{}\n", drill.name()));
    output::lines(verdict.lines(&drill.plan(args.seed_base)));
    if let Some(path) = &args.report {
        write_report(path, &args.file, &drill, verdict.failed_seed().unwrap_or(args.seed_base))?;
    }
    judge(&verdict)
}

fn read(path: &Path) -> Result<Drill, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::file("cannot read", path, error))?;
    Drill::parse(&text).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

fn write_report(path: &Path, file: &Path, drill: &Drill, seed: u64) -> Result<(), CliError> {
    let plan = drill.plan(seed);
    let outcome = sojourn_sim::run(&plan, true).map_err(|error| CliError::Broken(error.to_string()))?;
    let replay = format!("sojourn-sim drill {} --seeds 1 --seed-base {seed}", file.display());
    super::report::write(path, &plan, &outcome, &replay)
}

fn judge(verdict: &Verdict) -> Result<(), CliError> {
    match verdict.failed_seed() {
        Some(seed) => Err(CliError::Broken(format!("a promise did not hold, first with seed {seed}"))),
        None => Ok(()),
    }
}
