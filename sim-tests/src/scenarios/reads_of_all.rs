//! Readers who ask every replica, while a change is held up on its way to theirs.
//!
//! The messages of one node to one node of another region wait again and again for a
//! moment. Users change sessions in the first region, and a majority there keeps
//! each change. Users of the other region ask all replicas right after: they see the
//! change, since one of those that they ask has it, though their own has not.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Consistency, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "reads-of-all-replicas",
    sentence: "a change is held up on its way to another region, whose users ask all replicas; they see it",
    scene: Scene::Drawn(plan),
};

const ROUNDS: u64 = 8;
const CHANGES: u64 = 4;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let here = story.any_region();
    let there = story.another_region(here);
    let session = story.session_of(here);
    for round in 0..ROUNDS {
        let begin_ms = 6_000 + round * 6_000;
        story.clogs_between(here, there, begin_ms, begin_ms + 1_800);
        for change in 0..CHANGES {
            let at_ms = begin_ms + 200 + change * 350 + story.draw(0..50);
            let (writer, reader) = (story.any_client_of(here), story.any_client_of(there));
            let set = Action::Set { field: (change % 2) as u8 };
            story.at_ms(at_ms).client_asks(writer, session, set, Consistency::LocalQuorum);
            let read_ms = at_ms + story.draw(60..120);
            story.at_ms(read_ms).client_asks(reader, session, Action::Read, Consistency::All);
        }
    }
    story.told()
}
