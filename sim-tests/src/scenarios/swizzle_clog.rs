//! Links are clogged one after the other, and healed in another order.
//!
//! In a random order, the links of some nodes stop passing messages, which wait;
//! in another random order they pass them again. Somewhere in between almost
//! every shape of half-connected cluster has existed. After the heal all
//! replicas are equal and fresh calls succeed everywhere.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "swizzle-clog",
    sentence: "links are clogged one after the other and healed in another order; all meet again",
    scene: Scene::Drawn(plan),
};

/// Between the clogging of one link and the next, and between heals.
const STEP_MS: u64 = 1_500;
const FIRST_CLOG_MS: u64 = 8_000;
const FIRST_HEAL_MS: u64 = 32_000;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    story.users_work_throughout();
    let senders = story.nodes_shuffled();
    let receivers = story.nodes_shuffled();
    let links: Vec<_> = senders.into_iter().zip(receivers).filter(|(from, to)| from != to).collect();
    let mut heals: Vec<u64> = (0..links.len() as u64).collect();
    for last in (1..heals.len()).rev() {
        let other = story.draw(0..last as u64 + 1) as usize;
        heals.swap(last, other);
    }
    for (turn, ((from, to), heal)) in (0..).zip(links.into_iter().zip(heals)) {
        let clogged = story.at_ms(FIRST_CLOG_MS + turn * STEP_MS);
        clogged.until_ms(FIRST_HEAL_MS + heal * STEP_MS).goes_wrong(Fault::Clog { from, to });
    }
    story.told()
}
