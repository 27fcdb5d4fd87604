//! Two halves, and one node that sees both.
//!
//! The nodes fall into two halves that do not see each other; one node sees them
//! all. Whatever it relays must be whole and in order, nobody may take its view
//! for everybody's, and after the heal all replicas are equal.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "bridge-partition",
    sentence: "two halves that only one node sees both of; what it passes on is whole, and all meet again",
    scene: Scene::Drawn(plan),
};

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    story.users_work_throughout();
    let nodes = story.nodes_shuffled();
    if let Some((bridge, others)) = nodes.split_first() {
        let mut left = others[..others.len() / 2].to_vec();
        left.sort();
        story.between_s(8..15).for_s(20..35).goes_wrong(Fault::Bridge { node: *bridge, left });
    }
    story.told()
}
