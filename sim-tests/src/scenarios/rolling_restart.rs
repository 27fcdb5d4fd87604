//! Every node is restarted, one after the other, as an upgrade does.
//!
//! Users go on all the while. No acknowledged synced write is lost, no call is
//! answered wrongly, and no number is given to two writes over a restart.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "rolling-restart",
    sentence: "every node is restarted in turn while users go on; nothing acknowledged is lost",
    scene: Scene::Drawn(plan),
};

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    story.users_work_throughout();
    story.between_s(6..12).for_s(30..40).goes_wrong(Fault::RollingRestart);
    story.told()
}
