//! Logouts that find their work done, by a replica that is ahead of the rest of its region.
//!
//! The messages of one node to one node of another region wait again and again for a
//! moment. A user logs out in the first region. A user of the other region asks all
//! replicas right after, which brings the end of the session to the replica that asks. There
//! the user logs out, too. The replica finds that done, and gives a receipt of the first
//! logout: it counts no replica that has not heard of it.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Consistency, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "logout-found-done",
    sentence: "a logout is ahead at a replica that has asked all others; its receipt counts none that has not heard of it",
    scene: Scene::Drawn(plan),
};

const ROUNDS: u64 = 12;

/// Calls go to the three replicas of a region in turn: after these it is the first one's again.
const READS_BETWEEN: u64 = 2;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    for round in 0..ROUNDS {
        let here = story.any_region();
        let there = story.another_region(here);
        let session = story.session_of(here);
        let begin_ms = 6_000 + round * 4_000;
        story.clogs_between(here, there, begin_ms, begin_ms + 2_000);
        let (user, other) = (story.any_client_of(here), story.any_client_of(there));
        let at_ms = begin_ms + 200 + story.draw(0..50);
        story.at_ms(at_ms).client_asks(user, session, Action::Revoke, Consistency::LocalQuorum);
        let asked_ms = at_ms + story.draw(60..120);
        story.at_ms(asked_ms).client_asks(other, session, Action::Read, Consistency::All);
        for read in 0..READS_BETWEEN {
            let read_ms = asked_ms + 150 + read * 50;
            story.at_ms(read_ms).client_asks(other, session, Action::Read, Consistency::LocalOne);
        }
        story.at_ms(asked_ms + 300).client_asks(other, session, Action::Revoke, Consistency::LocalOne);
    }
    story.told()
}
