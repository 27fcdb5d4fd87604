//! The same seed in fresh processes gives the same trace; another seed, another one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

use sojourn_sim::plan::{Level, draw};

const SEEDS: [u64; 3] = [1, 2, 3];

fn trace_hash(seed: u64, level: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sojourn-sim"));
    // A larger environment moves the stack, and with it every address that might be hashed.
    command.env("SHIFT", "x".repeat(seed as usize * 100 + 1));
    let output = command.args(["hash", &seed.to_string(), "--level", level]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn check(level: &str) {
    let hashes: Vec<String> = SEEDS.iter().map(|seed| trace_hash(*seed, level)).collect();
    for (seed, hash) in SEEDS.iter().zip(&hashes) {
        assert_eq!(trace_hash(*seed, level), *hash, "seed {seed} at the {level} level");
    }
    assert_eq!(
        hashes.iter().collect::<BTreeSet<_>>().len(),
        SEEDS.len(),
        "different seeds, different traces"
    );
}

#[test]
fn a_seed_gives_the_same_trace_in_fresh_processes_at_the_full_level() {
    check("full");
}

#[test]
fn a_run_is_the_same_beside_others_and_after_them() {
    let hash = |seed| sojourn_sim::run(&draw(seed, Level::Full), false).unwrap().trace_hash;
    let beside: Vec<_> =
        SEEDS[..2].iter().map(|seed| (*seed, std::thread::spawn(move || hash(*seed)))).collect();
    for (seed, beside) in beside {
        assert_eq!(beside.join().unwrap(), hash(seed), "seed {seed}");
    }
}
