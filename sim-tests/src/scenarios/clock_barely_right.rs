//! A clock that was wrong comes back to where it had been: barely within the limit.
//!
//! One node's clock is ahead of all others by almost as much as clocks may differ. It jumps, is
//! noticed, and comes back. That it must be well within the limit to be trusted again keeps
//! a clock from flapping; but one that stays barely within it is right, and its node must
//! not stay shut out for ever.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Fault, Level, NodeId, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "clock-barely-right",
    sentence: "a clock that was off comes back to the edge of what is allowed, and is trusted again",
    scene: Scene::Drawn(plan),
};

/// Ahead of the middle, of 500 ms that are allowed.
const AHEAD_MS: i64 = 460;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let node = story.any_node();
    for (place, offset_ms) in story.settings().clock_offsets_ms.iter_mut().enumerate() {
        *offset_ms = if NodeId(place as u16) == node { AHEAD_MS / 2 } else { -AHEAD_MS / 2 };
    }
    let seconds_ahead = story.draw(2..60) as i64;
    story.users_work_throughout();
    story.between_s(8..12).for_s(10..20).goes_wrong(Fault::ClockStep { node, by_ms: seconds_ahead * 1_000 });
    story.told()
}
