//! Looks for planted faults: a simulator that never found a fault proves nothing.

use sojourn_node::planted::Plant;

use crate::names::{Unknown, find_in};
use crate::plan::{Level, Plan, draw};
use crate::scenarios::{self, Scenario};
use crate::{Failing, run, run_planted};

/// A planted fault that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    /// How many seeds it took.
    pub seeds: u64,
    /// The seed that showed it.
    pub seed: u64,
    /// The invariant that broke, or "panic".
    pub invariant: String,
}

/// The level at which a plant is looked for.
#[must_use]
pub fn level_of(plant: Plant) -> Level {
    if plant.is_in_core() { Level::Core } else { Level::Full }
}

/// The plant of a name.
///
/// # Errors
/// [`Unknown`] lists the names that come near, or all of them.
pub fn find(name: &str) -> Result<Plant, Unknown> {
    find_in("plant", name, Plant::ALL.iter().map(|plant| (plant.name(), *plant)))
}

/// Tries seeds from 0 upwards until the plant breaks an invariant in a plan that
/// holds without it. None if so many seeds do not show it. Plans are of the scenario, if one is named.
pub fn hunt(plant: Plant, scenario: Option<&Scenario>, seeds_max: u64) -> Option<Find> {
    (0..seeds_max).find_map(|seed| {
        let plan = plan_of(plant, scenario, seed);
        let failing = Failing::of(&plan, &run_planted(&plan, plant))?;
        let is_due_to_the_plant = Failing::of(&plan, &run(&plan, false)).is_none();
        is_due_to_the_plant.then_some(Find { seeds: seed + 1, seed, invariant: failing.invariant })
    })
}

/// A plan drawn freely, unless the plant shows only in a scene that is seldom drawn.
fn plan_of(plant: Plant, scenario: Option<&Scenario>, seed: u64) -> Plan {
    let level = level_of(plant);
    let shows_in = match plant {
        Plant::QuorumReadIsNotMerged => Some("reads-of-all-replicas"),
        Plant::IdleIsEndedUnasked => Some("use-behind-a-cut"),
        Plant::DigestsAreNotTold => Some("record-of-a-removed-node"),
        Plant::TransferIsNotConfirmed => Some("waits-for-a-transfer"),
        Plant::TokenForgetsRepairs => Some("reads-behind-a-repair"),
        Plant::StampsStayAhead => Some("alone-with-a-wrong-clock"),
        Plant::TokenForgetsAtStart => Some("restarts-behind-a-repair"),
        Plant::TokenForgetsTransfers => Some("reads-during-a-transfer"),
        Plant::ReceiptOfOwnVector => Some("logout-found-done"),
        Plant::OverIsNotMerged => Some("logout-that-came-too-late"),
        Plant::GoneIsWaitedFor => Some("damaged-when-all-others-dropped-it"),
        Plant::OverIsWaitedFor => Some("wait-for-what-is-over"),
        _ => None,
    };
    let scene = scenario.or_else(|| scenarios::find(shows_in?).ok());
    scene.and_then(|scene| scene.plan(seed, level).ok()).unwrap_or_else(|| draw(seed, level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plants_are_found_by_name() {
        assert_eq!(find("acknowledge-before-sync"), Ok(Plant::AcknowledgeBeforeSync));
        assert!(find("acknowledge-before-synk").unwrap_err().to_string().contains("did you mean"));
    }
}
