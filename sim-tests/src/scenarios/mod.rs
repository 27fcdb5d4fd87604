//! Named scenes. The scene is fixed; the seed draws times, targets and operations.

mod alone_with_a_wrong_clock;
mod bridge_partition;
mod clock_barely_right;
mod clock_six_hours_ahead;
mod damaged_when_dropped;
mod disk_full;
mod found;
mod login_against_logout;
mod logout_against_touch;
mod logout_found_done;
mod logout_race;
mod newcomers_and_a_short_log;
mod outage_longer_than_log;
mod poison_fragment;
mod reads_behind_a_repair;
mod reads_during_a_transfer;
mod reads_of_all;
mod region_cut;
mod region_lost;
mod restarts_behind_a_repair;
mod rolling_restart;
mod story;
mod swizzle_clog;
mod use_behind_a_cut;
mod waits_for_a_transfer;

pub use found::{FOUND, Found};

use crate::names::{Unknown, find_in};
use crate::plan::{Level, PLAN_VERSION, Plan};

/// A scene with a name.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name on a command line.
    pub name: &'static str,
    /// What happens and what must hold.
    pub sentence: &'static str,
    /// Where its plans come from.
    pub scene: Scene,
}

/// Where the plans of a scenario come from.
#[derive(Clone, Copy, Debug)]
pub enum Scene {
    /// A seed draws what the scene leaves open.
    Drawn(fn(u64, Level) -> Plan),
    /// A plan that once failed, as JSON; a seed draws only what the run itself draws.
    Stored(&'static str),
}

/// A stored plan that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the stored plan of scenario {name} cannot be read: {detail}")]
pub struct BrokenScene {
    name: &'static str,
    detail: String,
}

impl Scenario {
    /// The plan of a seed.
    ///
    /// # Errors
    /// [`BrokenScene`] if its stored plan cannot be read.
    pub fn plan(&self, seed: u64, level: Level) -> Result<Plan, BrokenScene> {
        let plan = match self.scene {
            Scene::Drawn(draw) => draw(seed, level),
            Scene::Stored(json) => serde_json::from_str(json)
                .map_err(|error| BrokenScene { name: self.name, detail: error.to_string() })?,
        };
        Ok(Plan { version: PLAN_VERSION, seed, level, scenario: Some(self.name.to_owned()), ..plan })
    }
}

/// The scenes that were thought of.
pub const SCENES: &[Scenario] = &[
    region_cut::SCENARIO,
    bridge_partition::SCENARIO,
    swizzle_clog::SCENARIO,
    rolling_restart::SCENARIO,
    outage_longer_than_log::SCENARIO,
    region_lost::SCENARIO,
    clock_six_hours_ahead::SCENARIO,
    clock_barely_right::SCENARIO,
    alone_with_a_wrong_clock::SCENARIO,
    disk_full::SCENARIO,
    poison_fragment::SCENARIO,
    logout_against_touch::SCENARIO,
    login_against_logout::SCENARIO,
    logout_found_done::SCENARIO,
    logout_race::SCENARIO,
    reads_of_all::SCENARIO,
    reads_behind_a_repair::SCENARIO,
    restarts_behind_a_repair::SCENARIO,
    reads_during_a_transfer::SCENARIO,
    use_behind_a_cut::SCENARIO,
    damaged_when_dropped::SCENARIO,
    waits_for_a_transfer::SCENARIO,
    newcomers_and_a_short_log::SCENARIO,
];

/// All scenarios: the scenes that were thought of, then past failures.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    SCENES.iter().chain(FOUND.iter().map(|found| &found.scenario))
}

/// The level at which a scenario is played unless another one is asked for: that at which
/// its plan once failed, or the core level.
#[must_use]
pub fn level_of(name: &str) -> Level {
    FOUND.iter().find(|found| found.scenario.name == name).map_or(Level::Core, |found| found.level)
}

/// The scenario of a name.
///
/// # Errors
/// [`Unknown`] lists the names that come near, or all of them.
pub fn find(name: &str) -> Result<&'static Scenario, Unknown> {
    find_in("scenario", name, all().map(|scenario| (scenario.name, scenario)))
}

#[cfg(test)]
mod tests;
