//! A node's clock jumps six hours ahead, and back again.
//!
//! Its stamps lie in the future: peers hold them back and keep their own clocks.
//! The node itself must notice, and refuse rather than let every session expire.
//! After the heal no session has lost a minute of its life, and none lives longer.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "clock-six-hours-ahead",
    sentence: "a node's clock jumps six hours ahead; no session expires early, and no other clock follows",
    scene: Scene::Drawn(plan),
};

const SIX_HOURS_MS: i64 = 6 * 3_600_000;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let node = story.any_node();
    story.users_work_throughout();
    story.between_s(8..15).for_s(20..30).goes_wrong(Fault::ClockStep { node, by_ms: SIX_HOURS_MS });
    story.told()
}
