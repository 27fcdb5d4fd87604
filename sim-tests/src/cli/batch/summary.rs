//! The end of a run of many seeds.

use std::time::Duration;

use sojourn_sim::coverage::expressible;
use sojourn_sim::prose::{count, held_back};

use super::Tally;
use crate::cli::output::Table;

impl Tally {
    /// What was done and what was seen, line by line; failing seeds last.
    pub(crate) fn summary(&self, real: Duration) -> Vec<String> {
        let mut lines = self.faults();
        lines.push(String::new());
        lines.push(format!(
            "{} in {:.1} s: {:.0} a minute, {:.1} simulated seconds a real second",
            count(self.seeds, "seed"),
            real.as_secs_f64(),
            self.seeds_per_minute(real),
            self.speed(real),
        ));
        lines.extend(self.runs());
        let counts = self.counts;
        lines.push(format!(
            "operations: {} succeeded, {} refused, {} unknown",
            counts.succeeded, counts.refused, counts.unknown
        ));
        lines.push(self.pairs());
        let mut failures: Vec<_> = self.failures.iter().collect();
        failures.sort_by_key(|failure| failure.seed);
        lines.extend(failures.iter().map(|failure| self.line(failure)));
        let unfinished = held_back(self.held_back);
        if failures.is_empty() {
            let but = unfinished.map(|runs| format!("; {runs}")).unwrap_or_default();
            lines.push(format!("everything held{but}"));
        } else {
            lines.extend(unfinished);
        }
        lines
    }

    /// In how many runs each class of faults took part.
    fn faults(&self) -> Vec<String> {
        let mut table = Table::new(["fault", "fired in", "observed in"]);
        for class in expressible(self.level) {
            let seen = self.coverage.of(class);
            table.row([class.name().to_owned(), count(seen.fired, "run"), count(seen.observed, "run")]);
        }
        table.render()
    }

    /// How long runs were, and how much went wrong in each.
    fn runs(&self) -> Option<String> {
        let (us_min, faults_min) = self.least?;
        Some(format!(
            "each run: at least {:.1} simulated seconds and {}; {:.1} faults on average",
            us_min as f64 / 1e6,
            count(faults_min, "fault"),
            self.faults_begun as f64 / self.seeds as f64
        ))
    }

    fn pairs(&self) -> String {
        let (seen, possible) = self.coverage.pairs(self.level);
        format!("pairs of faults observed in one run: {seen} of {possible}")
    }
}
