//! A region burns down with its disks.
//!
//! What only that region held is gone, and may be. What was acknowledged by a
//! quorum in each region is still there, in the others at once and in the new
//! nodes that take the region's place. Nothing of the lost nodes is heard again.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "region-lost",
    sentence: "a region is lost with its disks and replaced; what each region had acknowledged is kept",
    scene: Scene::Drawn(plan),
};

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let region = story.any_region();
    story.users_work_throughout();
    story.between_s(15..25).for_s(10..20).goes_wrong(Fault::RegionLost { region });
    story.told()
}
