//! A node starts while nobody else can be reached, by a clock that is far ahead.
//!
//! It waits for its peers in vain and goes on, so that what it writes then is stamped ahead, and
//! the others hold it back until it is due. Then they see each other again and the clock is set right:
//! from now on its writes are stamped by that clock, and reach the others at once.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "alone-with-a-wrong-clock",
    sentence: "a node starts alone with its clock ahead and writes; once the clock is right its writes spread at once",
    scene: Scene::Drawn(plan),
};

const AHEAD_MS: i64 = 40_000;
const ALONE_MS: u64 = 8_000;
const MET_MS: u64 = 20_000;
const WRITES: u64 = 40;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let node = story.any_node();
    let here = story.region_of(node);
    let (left, cut) = (vec![node], story.any_cut());
    story.at_ms(ALONE_MS).until_ms(MET_MS).goes_wrong(Fault::Partition { left, cut });
    story.at_ms(ALONE_MS + 1_000).until_ms(MET_MS).goes_wrong(Fault::ClockStep { node, by_ms: AHEAD_MS });
    let power_loss = Fault::PowerLoss { node, torn: false };
    story.at_ms(ALONE_MS + 1_500).until_ms(ALONE_MS + 1_800).goes_wrong(power_loss);
    let session = story.session_of(here);
    for write in 0..WRITES {
        let user = story.any_client_of(here);
        let set = Action::Set { field: (write % 2) as u8 };
        let alone_ms = story.draw(ALONE_MS + 6_500..MET_MS - 200);
        story.at_ms(alone_ms).client_calls(user, session, set);
        let later_ms = story.draw(MET_MS + 2_000..55_000);
        story.at_ms(later_ms).client_calls(user, session, set);
    }
    story.told()
}
