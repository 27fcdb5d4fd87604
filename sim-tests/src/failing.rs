//! Runs that did not hold.

use crate::plan::Plan;
use crate::prose::{Names, with_names};
use crate::record::Outcome;
use crate::run::RunError;

/// What a run that did not hold has broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The invariant's id, or "panic".
    pub invariant: String,
    /// What was seen and what should have been, on one line; nodes by name.
    pub detail: String,
}

impl Failing {
    /// None if the run of the plan held.
    #[must_use]
    pub fn of(plan: &Plan, outcome: &Result<Outcome, RunError>) -> Option<Self> {
        match outcome {
            Ok(outcome) => Self::shown_by(plan, outcome),
            Err(error) => Some(error.into()),
        }
    }

    /// None if nothing is broken at the end of the plan's run.
    #[must_use]
    pub fn shown_by(plan: &Plan, outcome: &Outcome) -> Option<Self> {
        let violation = outcome.violation.as_ref()?;
        let detail = with_names(&violation.to_string(), &Names::new(&plan.shape));
        Some(Self { invariant: violation.invariant.to_owned(), detail: on_one_line(&detail) })
    }
}

/// What the product says in a panic stays as it is: its numbers are not the plan's.
impl From<&RunError> for Failing {
    fn from(error: &RunError) -> Self {
        Self { invariant: "panic".to_owned(), detail: on_one_line(&error.to_string()) }
    }
}

fn on_one_line(text: &str) -> String {
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Level, draw};
    use crate::record::{Counts, Violation};

    #[test]
    fn a_violation_names_nodes_and_a_panic_stays() {
        let plan = draw(7, Level::Core);
        let detail = "node 0 differs\nfrom node 900".to_owned();
        let outcome = Outcome {
            violation: Some(Violation { invariant: "I17", at_us: 1_500_000, detail }),
            is_held_back: false,
            trace_hash: 0,
            happenings: 0,
            simulated_us: 0,
            counts: Counts::default(),
            faults_begun: 0,
            faults: Default::default(),
            timeline: Vec::new(),
        };
        let failing = Failing::of(&plan, &Ok(outcome)).unwrap();
        let first = format!("{}-1", plan.shape.regions[0].name);
        assert_eq!(failing.invariant, "I17");
        assert_eq!(
            failing.detail,
            format!("I17 broken after 1.500 simulated seconds: {first} differs from node 900")
        );
        let failing = Failing::of(&plan, &Err(RunError("node 0\nis gone".into()))).unwrap();
        assert_eq!(failing.invariant, "panic");
        assert!(failing.detail.ends_with("node 0 is gone"), "{}", failing.detail);
    }
}
