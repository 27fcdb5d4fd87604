//! Past failures: each plan that once broke an invariant, shrunk, stays here with a name.
//!
//! `sojourn-sim shrink SEED -o sim-tests/src/scenarios/found/NAME.json` writes
//! the plan; an entry of [`FOUND`] names it and says what had gone wrong.

use super::{Scenario, Scene};
use crate::plan::Level;

/// A plan that once broke an invariant.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its name, and what had gone wrong.
    pub scenario: Scenario,
    /// The seed that broke it.
    pub seed: u64,
    /// The level at which it broke.
    pub level: Level,
}

impl Found {
    /// An entry for a plan that is stored as JSON.
    #[must_use]
    pub const fn stored(
        name: &'static str,
        sentence: &'static str,
        (seed, level): (u64, Level),
        json: &'static str,
    ) -> Self {
        Self { scenario: Scenario { name, sentence, scene: Scene::Stored(json) }, seed, level }
    }
}

/// All of them.
pub const FOUND: &[Found] = &[];
