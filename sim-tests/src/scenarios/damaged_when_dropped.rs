//! A record that is damaged on the one disk that still holds it.
//!
//! Sessions live for a short time. A node has no power while all of them end, and the
//! others drop them for good. When it comes back it sees nobody, so it drops nothing. A bit of one
//! record on its disk flips, which it notices when users ask for their sessions. Nobody
//! can give it that record, and nobody need to: the others have had it and dropped it.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Consistency, Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "damaged-when-all-others-dropped-it",
    sentence: "a record is damaged on a disk after all others have dropped it; nobody waits for it",
    scene: Scene::Drawn(plan),
};

const LIFE_MS: u64 = 20_000;
const SESSIONS: usize = 12;
const BACK_MS: u64 = 30_000;
const FLIPPED_MS: u64 = 36_000;
const READ_MS: u64 = 46_000;
const HEALED_MS: u64 = 50_000;

/// Enough to meet each replica of the region.
const READS: u64 = 4;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let settings = story.settings();
    settings.absolute_timeout_ms = LIFE_MS;
    settings.removal_margin_ms = 500;
    settings.sweep_interval_ms = 1_000;
    let node = story.any_node();
    let there = story.region_of(node);
    for _ in 0..SESSIONS {
        let region = story.any_region();
        let (session, user) = (story.session_of(region), story.any_client_of(region));
        let at_ms = story.draw(4_000..8_000);
        story.at_ms(at_ms).client_calls(user, session, Action::Set { field: 0 });
        for read in 0..READS {
            let late = story.any_client_of(there);
            story.at_ms(READ_MS + 200 * read).client_asks(late, session, Action::Read, Consistency::LocalOne);
        }
    }
    story.between_s(12..16).until_ms(BACK_MS).goes_wrong(Fault::PowerLoss { node, torn: false });
    let (left, cut) = (vec![node], story.any_cut());
    story.at_ms(BACK_MS - 1_000).until_ms(HEALED_MS).goes_wrong(Fault::Partition { left, cut });
    story.at_ms(FLIPPED_MS).goes_wrong(Fault::BitFlip { node });
    story.told()
}
