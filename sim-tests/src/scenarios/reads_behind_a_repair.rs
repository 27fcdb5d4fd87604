//! Readers of a replica that another reader's quorum has brought ahead of the rest of its region.
//!
//! The messages of one node to one node of another region wait again and again for a
//! moment. Users change sessions in the first region. A user of the other region asks all
//! replicas right after, which brings the change to the replica that asks. A second user
//! reads there, too, and then at the region's other replicas: by its causal token none of
//! them goes back behind what it has seen.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Consistency, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "reads-behind-a-repair",
    sentence: "a change is ahead at a replica that has asked all others; who reads it there sees it everywhere",
    scene: Scene::Drawn(plan),
};

const ROUNDS: u64 = 8;
const CHANGES: u64 = 3;

/// Enough to meet each replica of the region.
const READS: u64 = 5;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let here = story.any_region();
    let there = story.another_region(here);
    let session = story.session_of(here);
    for round in 0..ROUNDS {
        let begin_ms = 6_000 + round * 6_000;
        story.clogs_between(here, there, begin_ms, begin_ms + 2_400);
        for change in 0..CHANGES {
            let at_ms = begin_ms + 200 + change * 700 + story.draw(0..50);
            let (writer, asker) = (story.any_client_of(here), story.any_client_of(there));
            let set = Action::Set { field: (change % 2) as u8 };
            story.at_ms(at_ms).client_asks(writer, session, set, Consistency::LocalQuorum);
            let asked_ms = at_ms + story.draw(60..120);
            story.at_ms(asked_ms).client_asks(asker, session, Action::Read, Consistency::All);
            let reader = story.any_client_of(there);
            for read in 0..READS {
                story.at_ms(asked_ms + 150 + read * 50).client_calls(reader, session, Action::Read);
            }
        }
    }
    story.told()
}
