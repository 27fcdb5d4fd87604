//! A peer sends what no peer should.
//!
//! Malformed entries, entries that are too large, and entries that lie about who
//! made them arrive over several links. Each is refused, nothing of it is kept or
//! passed on, and what is good on the same link still arrives.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "poison-fragment",
    sentence: "malformed and lying entries arrive from peers; they are refused, and good ones still arrive",
    scene: Scene::Drawn(plan),
};

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    story.users_work_throughout();
    for node in story.nodes_shuffled().into_iter().take(3) {
        story.between_s(8..30).for_s(5..20).goes_wrong(Fault::Poison { node });
    }
    story.told()
}
