//! Makes a failing plan small: the same invariant must still break.
//!
//! Delta debugging (Zeller and Hildebrandt, 2002) over faults and operations,
//! then fewer regions, nodes, clients and sessions, shorter times, and settings
//! turned off, again and again until nothing more can go.

mod lists;
mod places;
mod settings;
mod times;

use crate::plan::Plan;

/// How a plan fails: the invariant that breaks first.
pub type Failure = String;

/// How far shrinking has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Plans tried.
    pub runs: u64,
    /// Faults left.
    pub faults: usize,
    /// Operations left.
    pub operations: usize,
}

/// A shrunk plan.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// It still breaks the same invariant.
    pub plan: Plan,
    /// Plans tried.
    pub runs: u64,
    /// False if the limit of runs was reached before nothing more could go.
    pub is_minimal: bool,
}

/// Tries smaller plans, and keeps each that still fails.
struct Shrinker<'a> {
    best: Plan,
    failure: &'a str,
    runs: u64,
    runs_max: u64,
    run: &'a mut dyn FnMut(&Plan) -> Option<Failure>,
    progress: &'a mut dyn FnMut(Progress),
}

impl Shrinker<'_> {
    /// Whether a candidate fails in the same way; it is then the new best.
    fn accepts(&mut self, candidate: Plan) -> bool {
        if candidate == self.best || !self.may_run() {
            return false;
        }
        self.runs += 1;
        let fails = (self.run)(&candidate).as_deref() == Some(self.failure);
        if fails {
            self.best = candidate;
        }
        (self.progress)(Progress {
            runs: self.runs,
            faults: self.best.faults.len(),
            operations: self.best.operations.len(),
        });
        fails
    }

    fn may_run(&self) -> bool {
        self.runs < self.runs_max
    }

    /// Tries a change of the best plan.
    fn change(&mut self, change: impl FnOnce(&mut Plan)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        self.accepts(candidate)
    }
}

/// Shrinks a plan that breaks the invariant `failure`; `run` says which one a plan breaks, if any.
pub fn shrink(
    plan: Plan,
    failure: &str,
    runs_max: u64,
    mut run: impl FnMut(&Plan) -> Option<Failure>,
    mut progress: impl FnMut(Progress),
) -> Shrunk {
    let mut shrinker =
        Shrinker { best: plan, failure, runs: 0, runs_max, run: &mut run, progress: &mut progress };
    loop {
        let before = shrinker.best.clone();
        lists::shrink(&mut shrinker);
        places::shrink(&mut shrinker);
        times::shrink(&mut shrinker);
        settings::shrink(&mut shrinker);
        if shrinker.best == before || !shrinker.may_run() {
            break;
        }
    }
    let is_minimal = shrinker.may_run();
    Shrunk { plan: shrinker.best, runs: shrinker.runs, is_minimal }
}

#[cfg(test)]
mod tests;
