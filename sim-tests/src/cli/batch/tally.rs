//! What many runs have shown so far.

use std::time::Duration;

use sojourn_sim::coverage::Coverage;
use sojourn_sim::plan::{Level, Plan};
use sojourn_sim::record::{Counts, Outcome};
use sojourn_sim::{Failing, RunError};

use crate::cli::source::replay_command;

/// A seed that did not hold.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The seed.
    pub(crate) seed: u64,
    /// What it broke.
    pub(crate) failing: Failing,
}

/// The sum of many runs.
pub(crate) struct Tally {
    pub(crate) level: Level,
    pub(crate) scenario: Option<String>,
    pub(crate) seeds: u64,
    pub(crate) simulated_us: u64,
    /// The shortest run, in microseconds, and the fewest faults that began in one; none before the first run.
    pub(crate) least: Option<(u64, u64)>,
    pub(crate) faults_begun: u64,
    pub(crate) counts: Counts,
    pub(crate) coverage: Coverage,
    /// Runs that held as far as they went, and ended before the comparison.
    pub(crate) held_back: u64,
    pub(crate) failures: Vec<Failure>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new(level: Level, scenario: Option<String>) -> Self {
        Self {
            level,
            scenario,
            seeds: 0,
            simulated_us: 0,
            least: None,
            faults_begun: 0,
            counts: Counts::default(),
            coverage: Coverage::default(),
            held_back: 0,
            failures: Vec::new(),
        }
    }

    /// Counts a run. The line of a seed that failed, if it did.
    pub(crate) fn add(&mut self, seed: u64, result: &Result<(Plan, Outcome), RunError>) -> Option<String> {
        self.seeds += 1;
        if let Ok((_, outcome)) = result {
            self.simulated_us += outcome.simulated_us;
            self.faults_begun += outcome.faults_begun;
            let (us_min, faults_min) = self.least.unwrap_or((u64::MAX, u64::MAX));
            self.least = Some((us_min.min(outcome.simulated_us), faults_min.min(outcome.faults_begun)));
            self.counts.succeeded += outcome.counts.succeeded;
            self.counts.refused += outcome.counts.refused;
            self.counts.unknown += outcome.counts.unknown;
            self.coverage.add(outcome);
            self.held_back += u64::from(outcome.is_held_back && outcome.violation.is_none());
        }
        let failing = match result {
            Ok((plan, outcome)) => Failing::shown_by(plan, outcome)?,
            Err(error) => error.into(),
        };
        let failure = Failure { seed, failing };
        let line = self.line(&failure);
        self.failures.push(failure);
        Some(line)
    }

    /// A failing seed on one line, with the command that replays it.
    pub(crate) fn line(&self, failure: &Failure) -> String {
        let Failing { invariant, detail } = &failure.failing;
        let replay = replay_command(failure.seed, self.level, self.scenario.as_deref());
        format!("seed {}: {invariant}: {detail}; replay: {replay}", failure.seed)
    }

    /// Seeds a minute of real time.
    pub(crate) fn seeds_per_minute(&self, real: Duration) -> f64 {
        self.seeds as f64 * 60.0 / real.as_secs_f64().max(1e-9)
    }

    /// Simulated seconds a second of real time.
    pub(crate) fn speed(&self, real: Duration) -> f64 {
        self.simulated_us as f64 / 1e6 / real.as_secs_f64().max(1e-9)
    }

    /// How far it is, in a few words.
    pub(crate) fn status(&self, real: Duration) -> String {
        format!(
            "{:.0} seeds a minute, {:.0} simulated s a real s, {} faults fired, {} failed",
            self.seeds_per_minute(real),
            self.speed(real),
            self.coverage.fired(),
            self.failures.len()
        )
    }
}
