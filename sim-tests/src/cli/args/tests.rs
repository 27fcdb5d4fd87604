use clap::CommandFactory;

use super::*;

fn parse(rest: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from([&["sojourn-sim"], rest].concat())
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn a_plan_comes_from_a_seed_or_a_file() {
    assert!(parse(&["replay", "7"]).is_ok());
    assert!(parse(&["replay", "--plan", "x.json"]).is_ok());
    assert!(parse(&["replay"]).is_err());
    assert!(parse(&["replay", "7", "--plan", "x.json"]).is_err());
    assert!(parse(&["replay", "--plan", "x.json", "--scenario", "disk-full"]).is_err());
}

#[test]
fn no_seeds_are_no_run() {
    assert!(parse(&["run", "--seeds", "0"]).is_err());
    assert!(parse(&["run", "--jobs", "0"]).is_err());
    assert!(parse(&["drill", "x.toml", "--seeds", "0"]).is_err());
}
