//! Writers who wait for a replica that was away for longer than the logs reach back.
//!
//! The log is small and soon forgets. A node is away until the heal. Shortly before, users
//! write and wait for all replicas. The node comes back, and the logs cannot tell it what it has
//! missed: it takes whole partitions from a peer, the awaited writes among them. It
//! confirms them like those that come one by one, so every waiting call succeeds.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Fault, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "waits-for-a-transfer",
    sentence: "users wait for a replica that was away until logs no longer reach back; all of them are answered",
    scene: Scene::Drawn(plan),
};

/// How soon after the heal all replicas must have confirmed.
const CONVERGE_MS_MAX: u64 = 15_000;
const TIMEOUT_MS: u64 = 40_000;
const WAITING: u64 = 12;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    story.settings().block_bytes_max = 1 << 10;
    story.settings().log_disk_bytes_max = 4 << 10;
    story.settings().checkpoint_interval_ms = 1_000;
    let node = story.any_node();
    story.users_work_throughout();
    story.between_s(6..10).until_ms(60_000).goes_wrong(Fault::LongOutage { node });
    for number in 0..WAITING {
        let region = story.any_region();
        let (session, user) = (story.session_of(region), story.any_client_of(region));
        let set = Action::Set { field: (number % 2) as u8 };
        story.between_s(50..59).client_waits(user, session, set, TIMEOUT_MS);
    }
    Plan { converge_ms_max: CONVERGE_MS_MAX, ..story.told() }
}
