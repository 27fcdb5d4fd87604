//! A region is cut off and comes back.
//!
//! For a while one region sees no other. Its users go on reading and writing
//! there, everybody else goes on elsewhere, and both sides change the same
//! sessions. A user of the cut region logs out. When the cut is healed, every
//! acknowledged write of both sides is on every replica, and nobody is logged in again.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "region-cut",
    sentence: "a region is cut off and comes back; both sides go on, and nothing acknowledged is lost",
    scene: Scene::Drawn(plan),
};

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let region = story.any_region();
    let cut = story.any_cut();
    let session = story.session_of(region);
    let user = story.any_client_of(region);
    story.users_work_throughout();
    story.between_s(8..12).for_s(20..35).goes_wrong(Fault::RegionCut { region, cut });
    story.between_s(15..20).client_calls(user, session, Action::Set { field: 0 });
    story.between_s(22..28).client_calls(user, session, Action::Revoke);
    story.told()
}
