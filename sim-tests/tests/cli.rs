//! Bad input at the built command: each gets a clear error and the exit code for wrong use.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sojourn_sim::plan::{Level, PLAN_VERSION, Plan, draw};

fn sojourn_sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sojourn-sim")).args(args).output().unwrap()
}

/// What is said on standard error; the exit code must be that of wrong use.
fn refusal(args: &[&str]) -> String {
    let output = sojourn_sim(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert!(output.stdout.is_empty(), "{args:?} printed a result");
    said
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn an_unknown_scenario_lists_near_names() {
    for command in [&["run", "--scenario", "region-cutt"][..], &["replay", "1", "--scenario", "region-cutt"]]
    {
        let said = refusal(command);
        assert!(
            said.contains("unknown scenario \"region-cutt\"") && said.contains("did you mean region-cut"),
            "{said}"
        );
    }
    let said = refusal(&["run", "--scenario", "xyz"]);
    assert!(said.contains("there are: region-cut, bridge-partition"), "{said}");
}

#[test]
fn a_seed_of_another_version_is_refused() {
    let other = (PLAN_VERSION + 1).to_string();
    for command in ["replay", "shrink", "report"] {
        let said = refusal(&[command, "7", "--plan-version", &other]);
        let (theirs, ours) = (format!("plan version {other}"), format!("plan version {PLAN_VERSION}"));
        assert!(said.contains(&theirs) && said.contains(&ours), "{said}");
    }
}

#[test]
fn a_stored_plan_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str| {
        let path = file(folder.path(), "plan.json", text);
        refusal(&["replay", "--plan", path.to_str().unwrap()])
    };
    assert!(refused("{").contains("is no plan"));
    let mut plan = draw(1, Level::Core);
    plan.version += 1;
    let said = refused(&serde_json::to_string(&plan).unwrap());
    assert!(said.contains(&format!("plan version {}", PLAN_VERSION + 1)), "{said}");
    plan.version = PLAN_VERSION;
    plan.operations[0].client = plan.shape.clients;
    let said = refused(&serde_json::to_string(&plan).unwrap());
    assert!(said.contains("operation 0"), "{said}");
    let said = refusal(&["replay", "--plan", "no-such-file.json"]);
    assert!(said.contains("cannot read no-such-file.json"), "{said}");
}

#[test]
fn a_report_of_a_run_that_broke_is_written_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let exit_code = |plan: &Plan| {
        let plan = file(folder.path(), "plan.json", &serde_json::to_string(plan).unwrap());
        let (plan, page) = (plan.to_str().unwrap(), page.to_str().unwrap());
        sojourn_sim(&["report", "--plan", plan, "-o", page]).status.code()
    };
    let mut plan = draw(24, Level::Core);
    assert_eq!(exit_code(&plan), Some(0));
    // Not all replicas of this plan are equal at once.
    plan.converge_ms_max = 0;
    std::fs::remove_file(&page).unwrap();
    assert_eq!(exit_code(&plan), Some(1));
    assert!(std::fs::read_to_string(&page).unwrap().contains("I17 broken"));
}

#[test]
fn an_unknown_level_lists_the_levels() {
    let said = refusal(&["run", "--level", "half"]);
    assert!(said.contains("half") && said.contains("core") && said.contains("full"), "{said}");
}

#[test]
fn zero_seeds_are_refused() {
    assert!(refusal(&["run", "--seeds", "0"]).contains("--seeds"));
    assert!(refusal(&["drill", "x.toml", "--seeds", "0"]).contains("--seeds"));
}

#[test]
fn a_broken_drill_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str| {
        let path = file(folder.path(), "drill.toml", text);
        refusal(&["drill", path.to_str().unwrap()])
    };
    let said = refused("[[region]]\nname = \"eu\"\nnodes = ");
    assert!(said.contains("drill.toml: line 3"), "{said}");
    let region = "[[region]]\nname = \"eu\"\nnodes = 2\n";
    let said = refused(&format!("{region}[[fault]]\nat = \"5s\"\nkind = \"fire\"\nnode = \"eu-1\"\n"));
    assert!(
        said.contains("line 6") && said.contains("power_loss") && said.contains("rolling_restart"),
        "{said}"
    );
    let said = refused(&format!("{region}[[fault]]\nat = \"5s\"\nkind = \"region_cut\"\nregion = \"us\"\n"));
    assert!(said.contains("line 7") && said.contains("one of: eu"), "{said}");
    assert!(refusal(&["drill", "no-such.toml"]).contains("cannot read no-such.toml"));
}

#[test]
fn scenarios_are_listed() {
    let output = sojourn_sim(&["scenarios"]);
    let said = String::from_utf8(output.stdout).unwrap();
    for scenario in sojourn_sim::scenarios::all() {
        assert!(said.contains(scenario.name) && said.contains(scenario.sentence), "{said}");
    }
}

#[cfg(not(feature = "planted-bugs"))]
#[cfg(not(feature = "planted-bugs"))]
#[test]
fn a_build_without_planted_bugs_says_how_to_build_one() {
    let said = refusal(&["plants"]);
    assert!(said.contains("--features planted-bugs"), "{said}");
}

#[test]
fn a_replay_says_what_is_planned() {
    let output = sojourn_sim(&["replay", "3", "--scenario", "disk-full"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("Seed 3, core level, scenario disk-full"), "{said}");
    assert!(said.contains("the disk of eu-") && said.contains("trace hash"), "{said}");
}
