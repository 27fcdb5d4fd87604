//! A user logs in in one region while being logged out everywhere in another.
//!
//! The two regions do not see each other. In one the user is logged out everywhere,
//! with one write; in the other the same user logs in, within milliseconds and in
//! sessions that the first region has never heard of. Once they meet, no session
//! is live whose login did not know of the logout.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "login-against-log-out-everywhere",
    sentence: "a user logs in in a region that is cut off while being logged out everywhere; the logout wins",
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
        // Principals that nobody else logs in as.
        let principal = 100 + race as u8;
        let session = story.session_of(there);
        let (leaver, user) = (story.any_client_of(here), story.any_client_of(there));
        let end_ms = story.draw(12_000 + race * 4_000..14_000 + race * 4_000);
        story.at_ms(end_ms - 1_000).client_calls(user, session, Action::Login { principal });
        let known = story.session_of(here);
        story.at_ms(end_ms).client_calls(leaver, known, Action::LogOutEverywhere { principal });
        for _ in 0..3 {
            let later_ms = story.draw(end_ms + 100..end_ms + 30_000);
            story.at_ms(later_ms).client_calls(user, session, Action::Touch);
        }
        story.between_s(56..60).client_calls(user, session, Action::Read);
    }
    story.told()
}
