use std::collections::BTreeSet;

use super::*;
use crate::places::validate;

#[test]
fn names_are_unique() {
    let names: BTreeSet<&str> = all().map(|scenario| scenario.name).collect();
    assert_eq!(names.len(), all().count());
}

#[test]
fn every_scene_is_a_valid_plan_at_both_levels() {
    for scenario in SCENES {
        for (seed, level) in (0..50).flat_map(|seed| [(seed, Level::Core), (seed, Level::Full)]) {
            let plan = scenario.plan(seed, level).unwrap();
            assert_eq!(validate(&plan), Ok(()), "{} {seed}", scenario.name);
            assert!(!plan.faults.is_empty() && plan.operations.len() > 50, "{} {seed}", scenario.name);
            assert!(plan.operations.iter().all(|call| call.at_ms < plan.chaos_ms), "{}", scenario.name);
            assert!(plan.faults.iter().all(|fault| fault.at_ms + fault.lasts_ms < plan.chaos_ms));
        }
    }
}

#[test]
fn every_past_failure_is_a_valid_plan() {
    for Found { scenario, seed, level } in FOUND {
        let plan = scenario.plan(*seed, *level).unwrap();
        assert_eq!(validate(&plan), Ok(()), "{}", scenario.name);
        assert!(!plan.faults.is_empty(), "{}", scenario.name);
    }
}

#[test]
fn a_seed_draws_one_plan_and_no_other() {
    for scenario in SCENES {
        let plan = |seed| scenario.plan(seed, Level::Core).unwrap();
        assert_eq!(plan(7), plan(7), "{}", scenario.name);
        assert_ne!(plan(7).operations, plan(8).operations, "{}", scenario.name);
    }
}

#[test]
fn a_stored_plan_runs_under_any_seed() {
    let plan = find("disk-full").unwrap().plan(3, Level::Core).unwrap();
    let json: &'static str = serde_json::to_string(&plan).unwrap().leak();
    let found = Found::stored("once-failed", "It failed once.", (3, Level::Core), json);
    let again = found.scenario.plan(4, Level::Full).unwrap();
    assert_eq!((again.seed, again.level, again.scenario.as_deref()), (4, Level::Full, Some("once-failed")));
    assert_eq!(again.faults, plan.faults);
    let broken = Found::stored("broken", "", (0, Level::Core), "{");
    assert!(broken.scenario.plan(0, Level::Core).unwrap_err().to_string().contains("broken"));
}

#[test]
fn an_unknown_scenario_lists_near_names() {
    let said = find("region-cutt").unwrap_err().to_string();
    assert!(said.contains("did you mean region-cut"), "{said}");
}
