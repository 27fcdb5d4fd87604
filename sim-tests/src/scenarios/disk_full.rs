//! Disks are full, in one region after the other.
//!
//! A node whose disk takes no more acknowledges nothing and says that it is not
//! ready; its neighbours take the calls. With room again it starts from what it
//! had synced and catches up.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Fault, Level, NodeId, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "disk-full",
    sentence: "a node of each region in turn has a full disk; it acknowledges nothing, and catches up later",
    scene: Scene::Drawn(plan),
};

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    story.users_work_throughout();
    let mut first = 0;
    let regions: Vec<u16> = story.settings().regions.iter().map(|region| region.nodes).collect();
    for (turn, nodes) in (0..).zip(regions) {
        let node = NodeId(first + story.draw(0..u64::from(nodes)) as u16);
        first += nodes;
        let from_s = 8 + 15 * turn;
        story.between_s(from_s..from_s + 4).for_s(5..10).goes_wrong(Fault::DiskFull { node });
    }
    story.told()
}
