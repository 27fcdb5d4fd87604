//! What a drill showed, for a person who decides.

mod calls;
mod converge;

use std::collections::BTreeMap;

pub use calls::Calls;

use crate::plan::Plan;
use crate::prose::{Names, count, duration, fault, held_back};
use crate::record::{Answer, Happening, Outcome};
use crate::{Failing, RunError};

/// What all runs of a drill showed together.
#[derive(Debug, Default)]
pub struct Verdict {
    runs: u64,
    simulated_us: u64,
    writes_acknowledged: u64,
    converged_ms_max: Option<u64>,
    /// Runs that held as far as they went, and ended before the comparison.
    held_back: u64,
    failures: Vec<(u64, String)>,
    /// By region: calls while all was well, and while something was wrong.
    calls: BTreeMap<usize, (Calls, Calls)>,
}

impl Verdict {
    /// Counts a run, whose timeline must have been kept.
    pub fn add(&mut self, plan: &Plan, outcome: &Outcome) {
        self.runs += 1;
        self.simulated_us += outcome.simulated_us;
        self.writes_acknowledged += outcome
            .timeline
            .iter()
            .filter(|(_, happening)| {
                matches!(
                    happening,
                    Happening::Answered { answer: Answer::Acknowledged { .. }, again: false, .. }
                )
            })
            .count() as u64;
        self.converged_ms_max = self.converged_ms_max.max(converge::took_ms(&outcome.timeline));
        self.held_back += u64::from(outcome.is_held_back && outcome.violation.is_none());
        self.failures.extend(Failing::shown_by(plan, outcome).map(|failing| (plan.seed, failing.detail)));
        calls::count(plan, &outcome.timeline, &mut self.calls);
    }

    /// Counts a run that could not be finished, a panic of the product included.
    pub fn add_unfinished(&mut self, seed: u64, error: &RunError) {
        self.runs += 1;
        self.failures.push((seed, error.to_string()));
    }

    /// The first seed that broke a promise.
    #[must_use]
    pub fn failed_seed(&self) -> Option<u64> {
        self.failures.first().map(|(seed, _)| *seed)
    }

    /// Everything in words; `plan` is one of the runs' plans.
    #[must_use]
    pub fn lines(&self, plan: &Plan) -> Vec<String> {
        let mut lines = vec![self.done(plan)];
        let names = Names::new(&plan.shape);
        lines.extend(plan.faults.iter().map(|planned| {
            let (from, lasts) = (duration(planned.at_ms), duration(planned.lasts_ms));
            format!("  after {from}, for {lasts}: {}", fault(&planned.fault, &names))
        }));
        lines.push(String::new());
        lines.push(self.kept());
        lines.extend(self.failures.iter().map(|(seed, said)| format!("  seed {seed}: {said}")));
        lines.extend(
            held_back(self.held_back)
                .map(|runs| format!("But {runs}, so whether replicas agree there nobody has seen.")),
        );
        lines.push(self.converged(plan));
        lines.push(String::new());
        lines.extend(calls::table(&self.calls, &names));
        lines
    }

    fn done(&self, plan: &Plan) -> String {
        let regions = count(plan.shape.regions.len() as u64, "region");
        let faults = plan.faults.len() as u64;
        format!(
            "{} of a cluster of {regions} and {}: {} simulated in all, {} each:",
            count(self.runs, "run"),
            count(plan.shape.nodes(), "node"),
            duration(self.simulated_us / 1_000),
            count(faults, "fault"),
        )
    }

    fn kept(&self) -> String {
        let writes = self.writes_acknowledged;
        if self.failures.is_empty() && writes == 0 {
            return "NOTHING SHOWN. No promise was broken, but no write was acknowledged either.".to_owned();
        }
        if self.failures.is_empty() {
            return format!(
                "KEPT. Every promise held: of {} none was lost, nobody who had logged out was let in, no replica disagreed at the end.",
                count(writes, "acknowledged write")
            );
        }
        let broken = count(self.failures.len() as u64, "run");
        format!("BROKEN. A promise did not hold in {broken} of {}:", self.runs)
    }

    fn converged(&self, plan: &Plan) -> String {
        let limit = duration(plan.converge_ms_max);
        match self.converged_ms_max {
            Some(took_ms) => format!(
                "After everything was healed, all replicas were equal within {} at most (allowed: {limit}).",
                duration(took_ms)
            ),
            None => format!("No run tells when all replicas were equal again (allowed: {limit})."),
        }
    }
}
