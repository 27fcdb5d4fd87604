//! A session is used in one region alone, and nobody else hears of it.
//!
//! The others take it for one that lay idle, long enough to drop it. But they ask
//! before they do, and cannot: so it goes on. Once all have met it is as it was left, and
//! what nobody used gives its space back.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "use-behind-a-cut",
    sentence: "a region that is cut off uses a session that the others take for idle; it goes on",
    scene: Scene::Drawn(plan),
};

const IDLE_MS: u64 = 6_000;
const SESSIONS: usize = 3;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let settings = story.settings();
    settings.idle_timeout_ms = IDLE_MS;
    settings.removal_margin_ms = 500;
    settings.sweep_interval_ms = 1_000;
    let (here, cut) = (story.any_region(), story.any_cut());
    story.users_work_throughout();
    story.between_s(6..10).for_s(25..35).goes_wrong(Fault::RegionCut { region: here, cut });
    for _ in 0..SESSIONS {
        let (session, user) = (story.session_of(here), story.any_client_of(here));
        let mut at_ms = 3_000;
        while at_ms < 58_000 {
            story.at_ms(at_ms).client_calls(user, session, Action::Touch);
            story.at_ms(at_ms + 200).client_calls(user, session, Action::Read);
            at_ms += story.draw(IDLE_MS / 4..IDLE_MS / 2);
        }
    }
    story.told()
}
