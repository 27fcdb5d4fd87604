//! A user logs out in one region while the same session is used in another.
//!
//! The two regions do not see each other. In one the session is ended, within
//! milliseconds and then for as long as the cut lasts it is touched and changed in
//! the other. Once they meet, the session is ended everywhere: no touch, no
//! change and no retry brings it back.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "logout-against-touch",
    sentence: "a session is ended in one region while another that is cut off uses it; the end wins",
    scene: Scene::Drawn(plan),
};

const RACES: u64 = 4;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let (here, cut) = (story.any_region(), story.any_cut());
    let there = story.another_region(here);
    story.users_work_throughout();
    story.between_s(8..10).for_s(25..35).goes_wrong(Fault::RegionCut { region: here, cut });
    for race in 0..RACES {
        let session = story.session_of(here);
        let (leaver, user) = (story.any_client_of(here), story.any_client_of(there));
        let end_ms = story.draw(12_000 + race * 4_000..14_000 + race * 4_000);
        story.at_ms(end_ms).client_calls(leaver, session, Action::Revoke);
        for action in [Action::Touch, Action::Set { field: 1 }, Action::Login { principal: 1 }] {
            let near_ms = end_ms + story.draw(0..30) - 15;
            story.at_ms(near_ms).client_calls(user, session, action);
        }
        for _ in 0..3 {
            let later_ms = story.draw(end_ms + 100..end_ms + 30_000);
            story.at_ms(later_ms).client_calls(user, session, Action::Touch);
        }
        story.between_s(56..60).client_calls(user, session, Action::Read);
    }
    story.told()
}
