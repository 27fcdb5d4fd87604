//! A node is away for longer than the others' logs reach back.
//!
//! The log is small and soon forgets. While the node is away its peers write,
//! and one session that it holds as live is ended. When it comes back, the log
//! cannot tell it what it has missed: digests must. It never again shows the
//! ended session as live once all have met.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "outage-longer-than-log",
    sentence: "a node is away until logs no longer reach back; digests repair it, and no session rises again",
    scene: Scene::Drawn(plan),
};

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    story.settings().block_bytes_max = 1 << 10;
    story.settings().log_disk_bytes_max = 4 << 10;
    story.settings().checkpoint_interval_ms = 1_000;
    story.settings().removal_margin_ms = 1_000;
    story.settings().sweep_interval_ms = 1_000;
    let node = story.any_node();
    let region = story.any_region();
    let session = story.session_of(region);
    let user = story.any_client_of(region);
    story.users_work_throughout();
    story.between_s(6..10).for_s(35..45).goes_wrong(Fault::LongOutage { node });
    story.between_s(20..30).client_calls(user, session, Action::Revoke);
    story.told()
}
