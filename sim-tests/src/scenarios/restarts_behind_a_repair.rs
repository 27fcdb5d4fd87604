//! A replica that another reader's quorum has brought ahead of its region, and that then restarts.
//!
//! The messages of one node to one node of another region wait again and again for a
//! moment. A user changes a session in the first region, and one of the other region asks all
//! replicas right after. Then the replicas of that region lose their power in turn, and come
//! back with what their disks hold: one of them with the change, ahead of its entry. Who reads it
//! there goes on to the others, and by its causal token none of them goes back.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Consistency, Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "restarts-behind-a-repair",
    sentence: "a replica that a quorum read has brought ahead restarts; who reads there sees as much everywhere",
    scene: Scene::Drawn(plan),
};

const ROUNDS: u64 = 8;

/// Enough to meet each replica of the region, more than once.
const READS: u64 = 12;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    story.settings().checkpoint_interval_ms = 100;
    let here = story.any_region();
    let there = story.another_region(here);
    let session = story.session_of(here);
    for round in 0..ROUNDS {
        let begin_ms = 6_000 + round * 6_000;
        story.clogs_between(here, there, begin_ms, begin_ms + 3_500);
        let (writer, asker) = (story.any_client_of(here), story.any_client_of(there));
        let set = Action::Set { field: (round % 2) as u8 };
        let at_ms = begin_ms + 200 + story.draw(0..50);
        story.at_ms(at_ms).client_asks(writer, session, set, Consistency::LocalQuorum);
        let asked_ms = at_ms + story.draw(60..120);
        story.at_ms(asked_ms).client_asks(asker, session, Action::Read, Consistency::All);
        let restarted = story.any_node_of(there);
        let down_ms = asked_ms + story.draw(250..500);
        let power_loss = Fault::PowerLoss { node: restarted, torn: false };
        story.at_ms(down_ms).until_ms(down_ms + 200).goes_wrong(power_loss);
        let reader = story.any_client_of(there);
        for read in 0..READS {
            story.at_ms(down_ms + 400 + read * 150).client_calls(reader, session, Action::Read);
        }
    }
    story.told()
}
