//! What was measured, as tables for people and as one document for programs.

use serde::Serialize;

use super::load::Measured;
use crate::cli::output::{Output, Table};

/// All results so far.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// One a load.
    pub(crate) loads: Vec<LoadResult>,
    /// Everything else, and the ratios of the loads.
    pub(crate) figures: Vec<Figure>,
}

/// One load.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoadResult {
    /// What was done.
    pub(crate) name: String,
    /// Calls that succeeded while measuring.
    pub(crate) calls: u64,
    /// Calls that failed.
    pub(crate) errors: u64,
    /// Why the first of them failed.
    pub(crate) first_error: Option<String>,
    /// Calls a second.
    pub(crate) rate_per_s: f64,
    /// CPU time of the server for one call.
    pub(crate) server_cpu_us: Option<f64>,
    /// Calls a second that one core of the server can answer.
    pub(crate) rate_per_core_per_s: Option<f64>,
    /// Half of the calls took no longer than this.
    pub(crate) p50_us: u64,
    /// 90 % did not.
    pub(crate) p90_us: u64,
    /// 99 % did not.
    pub(crate) p99_us: u64,
    /// 99.9 % did not.
    pub(crate) p999_us: u64,
    /// The slowest.
    pub(crate) max_us: u64,
}

/// One number, beside what it is meant to reach.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// What it is.
    pub(crate) name: String,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: String,
    /// What the design aims at, or nothing.
    pub(crate) target: String,
}

impl LoadResult {
    /// Sums up a load.
    pub(crate) fn new(name: &str, measured: &Measured) -> Self {
        let at = |quantile| measured.latency_us.value_at_quantile(quantile);
        let server_cpu_us = measured.cpu_us_per_call();
        Self {
            name: name.to_owned(),
            calls: measured.latency_us.len(),
            errors: measured.errors,
            first_error: measured.first_error.clone(),
            rate_per_s: measured.rate(),
            server_cpu_us,
            rate_per_core_per_s: server_cpu_us.filter(|cpu_us| *cpu_us > 0.0).map(|cpu_us| 1e6 / cpu_us),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: measured.latency_us.max(),
        }
    }
}

impl Report {
    /// Adds one number.
    pub(crate) fn figure(&mut self, name: &str, value: f64, unit: &str, target: &str) {
        let (name, unit, target) = (name.to_owned(), unit.to_owned(), target.to_owned());
        self.figures.push(Figure { name, value, unit, target });
    }

    /// Prints everything.
    pub(crate) fn print(&self, output: &Output) {
        output.json(self);
        if !self.loads.is_empty() {
            output.table(&self.load_table());
            output.line("latencies in µs; CPU is that of the server, in µs a call\n");
        }
        output.table(&self.figure_table());
        for load in self.loads.iter().filter(|load| load.errors > 0) {
            let reason = load.first_error.as_deref().unwrap_or_default();
            output.note(format!("{} of the calls of \"{}\" failed: {reason}", load.errors, load.name));
        }
    }

    fn load_table(&self) -> Table {
        let mut table = Table::new(["LOAD", "CALLS/S", "CPU", "P50", "P90", "P99", "P99.9", "MAX", "ERRORS"]);
        for load in &self.loads {
            table.row([
                load.name.clone(),
                number(load.rate_per_s),
                load.server_cpu_us.map_or_else(|| "-".to_owned(), number),
                load.p50_us.to_string(),
                load.p90_us.to_string(),
                load.p99_us.to_string(),
                load.p999_us.to_string(),
                load.max_us.to_string(),
                load.errors.to_string(),
            ]);
        }
        table
    }

    fn figure_table(&self) -> Table {
        let mut table = Table::new(["FIGURE", "MEASURED", "", "DESIGN AIMS AT"]);
        for figure in &self.figures {
            let (name, unit, target) = (figure.name.clone(), figure.unit.clone(), figure.target.clone());
            table.row([name, number(figure.value), unit, target]);
        }
        table
    }
}

/// Three digits that count, or all before the point.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_three_digits() {
        let shown: Vec<_> = [0.0, 0.1234, 1.234, 12.34, 123.4, 123_456.7].map(number).into();
        assert_eq!(shown, ["0.000", "0.123", "1.23", "12.3", "123", "123457"]);
    }

    #[test]
    fn a_figure_stands_beside_its_target() {
        let mut report = Report::default();
        report.figure("read", 2.0, "µs", "≤ 2.5");
        let rows = report.figure_table().render();
        assert!(rows[1].starts_with("read") && rows[1].ends_with("≤ 2.5"), "{rows:?}");
    }
}
