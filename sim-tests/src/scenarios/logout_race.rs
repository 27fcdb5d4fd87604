//! A hundred sessions, each ended while others save, touch, log in and log out.
//!
//! Every round has a session of its own. A user ends it; within the time that a message
//! takes, before or after, others in the same region or in another one change it, use
//! it, give it another id, log in to it and log its principal out everywhere. Some go on
//! for a while, one of them by an earlier id. Now and then a region is cut off, so that the race is decided only when they meet. No
//! session comes back, in any round.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Consistency, Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "logout-race",
    sentence: "100 sessions (full level: 20) are ended while others save, touch, rotate, log in and log out; none comes back",
    scene: Scene::Drawn(plan),
};

const CLIENTS: u16 = 24;
const FIRST_MS: u64 = 6_000;
const LAST_MS: u64 = 52_000;
/// A use is sent if the last one is older than a twentieth of this: that of a round is.
const IDLE_MS: u64 = 70_000;
/// As long as a message may take between regions.
const NEAR_MS: u64 = 60;
/// Over before the last calls of a round.
const GRACE_MS: u32 = 1_000;
const CUTS: u64 = 4;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    story.settings().clients = CLIENTS;
    story.settings().idle_timeout_ms = IDLE_MS;
    let rounds: u64 = match level {
        Level::Core => 100,
        Level::Full => 20,
    };
    for number in 0..CUTS {
        let begin_ms = 10_000 + number * 11_000;
        let (region, cut) = (story.any_region(), story.any_cut());
        story.at_ms(begin_ms).until_ms(begin_ms + 3_000).goes_wrong(Fault::RegionCut { region, cut });
    }
    for round in 0..rounds {
        let end_ms = FIRST_MS + round * (LAST_MS - FIRST_MS) / rounds;
        race(&mut story, round as u8, end_ms);
    }
    story.told()
}

fn race(story: &mut Story, principal: u8, end_ms: u64) {
    let here = story.any_region();
    let elsewhere = story.another_region(here);
    let there = story.either(here, elsewhere);
    let session = story.session_of(here);
    let calls = |story: &mut Story, region: u16, at_ms: u64, action: Action| {
        let client = story.any_client_of(region);
        let level = story.either(Consistency::LocalOne, Consistency::LocalQuorum);
        story.at_ms(at_ms).client_asks(client, session, action, level);
    };
    let begun_ms = end_ms - 1_000;
    calls(story, here, begun_ms, Action::Login { principal });
    calls(story, here, end_ms, Action::Revoke);
    let grace_ms = story.either(0, GRACE_MS);
    let rivals = [
        Action::Set { field: 0 },
        Action::Add { amount: 1 },
        Action::Touch,
        Action::Rotate { grace_ms },
        Action::Login { principal },
        Action::LogOutEverywhere { principal },
    ];
    for action in rivals {
        let at_ms = end_ms + story.draw(0..2 * NEAR_MS) - NEAR_MS;
        calls(story, there, at_ms, action);
    }
    for action in [Action::Touch, Action::Set { field: 1 }, Action::Rotate { grace_ms: 0 }, Action::Read] {
        let later_ms = end_ms + story.draw(NEAR_MS..4_000);
        calls(story, there, later_ms, action);
    }
    let later_ms = end_ms + story.draw(NEAR_MS..4_000);
    let client = story.any_client_of(there);
    story.at_ms(later_ms).client_replays(client, session);
}
