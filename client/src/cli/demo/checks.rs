//! The transcript: scenes, and checks that can fail.

use std::fmt::Display;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::cli::output::Output;

/// One check and what came of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Check {
    /// The scene it belongs to.
    pub(crate) scene: String,
    /// What should hold.
    pub(crate) name: String,
    /// Whether it does.
    pub(crate) passed: bool,
    /// What was expected.
    pub(crate) expected: String,
    /// What was found.
    pub(crate) got: String,
    /// When, since the demo began, in milliseconds.
    pub(crate) at_ms: u64,
}

/// Everything that happened, printed as it happens.
pub(crate) struct Transcript<'a> {
    output: &'a Output,
    started: Instant,
    scene: String,
    checks: Vec<Check>,
}

impl<'a> Transcript<'a> {
    /// Nothing happened yet.
    pub(crate) fn new(output: &'a Output, started: Instant) -> Self {
        Self { output, started, scene: String::new(), checks: Vec::new() }
    }

    /// Time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Begins a scene.
    pub(crate) fn scene(&mut self, title: &str) {
        self.scene = title.to_owned();
        self.output.line(format!("\n[{:5.1} s] {title}", self.elapsed().as_secs_f64()));
    }

    /// Something that happens, without a check.
    pub(crate) fn note(&self, text: &str) {
        self.output.line(format!("          · {text}"));
    }

    /// Compares what was found with what was expected.
    pub(crate) fn check<T: PartialEq + Display>(&mut self, name: &str, expected: T, got: T) {
        let check = Check {
            scene: self.scene.clone(),
            name: name.to_owned(),
            passed: expected == got,
            expected: expected.to_string(),
            got: got.to_string(),
            at_ms: u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        self.output.line(line(&check));
        self.checks.push(check);
    }

    /// All checks so far.
    pub(crate) fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// How many of them failed.
    pub(crate) fn failed(&self) -> usize {
        self.checks.iter().filter(|check| !check.passed).count()
    }
}

fn line(check: &Check) -> String {
    if check.passed {
        return format!("          ✓ {}", check.name);
    }
    format!("          ✗ {}: expected {:?}, got {:?}", check.name, check.expected, check.got)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::host;
    use crate::cli::output::Format;

    #[test]
    fn a_difference_fails_and_says_both_sides() {
        let output = Output::new(Format::Json);
        let mut transcript = Transcript::new(&output, host::now());
        transcript.check("equal", 1, 1);
        transcript.check("different", "a", "b");
        assert_eq!(transcript.failed(), 1);
        let failed = &transcript.checks()[1];
        assert!(line(failed).contains("expected \"a\", got \"b\""), "{}", line(failed));
    }
}
