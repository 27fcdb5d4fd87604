//! Planted bugs are in no build that does not ask for them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

const MANIFESTS: [&str; 5] =
    ["Cargo.toml", "proto/Cargo.toml", "node/Cargo.toml", "client/Cargo.toml", "sim-tests/Cargo.toml"];

#[test]
fn no_manifest_turns_planted_bugs_on() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut named = Vec::new();
    for manifest in MANIFESTS {
        let text = std::fs::read_to_string(workspace.join(manifest)).unwrap();
        let lines = text.lines().filter(|line| line.contains("planted-bugs"));
        named.extend(lines.map(|line| format!("{manifest}: {line}")));
    }
    // The feature itself, and how the simulator passes it on: neither is a default.
    let allowed = [
        "node/Cargo.toml: planted-bugs = []",
        "sim-tests/Cargo.toml: planted-bugs = [\"sojourn_node/planted-bugs\"]",
    ];
    assert_eq!(named, allowed);
}
