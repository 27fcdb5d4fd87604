//! Every scenario holds, for a handful of seeds; `sojourn-sim run --scenario NAME` does more.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sojourn_sim::plan::Level;
use sojourn_sim::scenarios::{FOUND, SCENES, Scenario};
use sojourn_sim::{Failing, run};

const SEEDS: u64 = 2;

fn hold(scenario: &Scenario, seed: u64, level: Level) {
    let plan = scenario.plan(seed, level).unwrap();
    let failing = Failing::of(&plan, &run(&plan, false));
    assert_eq!(failing, None, "{} with seed {seed}", scenario.name);
}

#[test]
fn every_scene_holds_at_the_core_level() {
    for scenario in SCENES {
        for seed in 0..SEEDS {
            hold(scenario, seed, Level::Core);
        }
    }
}

#[test]
fn no_past_failure_comes_back() {
    for found in FOUND {
        hold(&found.scenario, found.seed, found.level);
    }
}
