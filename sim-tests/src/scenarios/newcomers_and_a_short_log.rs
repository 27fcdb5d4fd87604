//! Nodes that join while Raft's log is cut short all the time.
//!
//! Disks are slow, and each node keeps a handful of log entries behind its snapshot. Nodes
//! join one after the other and others lose their power, so that leaders change. A leader
//! that is about to send a newcomer what it has just purged must send its snapshot: a log
//! with a gap in it would leave the newcomer without what was in the gap.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Fault, Level, NodeId, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "newcomers-and-a-short-log",
    sentence: "nodes join while disks are slow and Raft's log is cut short; all agree on the members (full level)",
    scene: Scene::Drawn(plan),
};

const NEWCOMERS: u64 = 4;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let entries = story.draw(2..6);
    story.settings().snapshot_entries = Some(entries);
    let nodes = story.settings().nodes();
    story.users_work_throughout();
    for node in (0..nodes).map(NodeId) {
        let by_ms = story.draw(5..60);
        story.at_ms(4_000).until_ms(58_000).goes_wrong(Fault::SlowDisk { node, by_ms });
    }
    for newcomer in 0..NEWCOMERS {
        let (region, at_ms) = (story.any_region(), 6_000 + newcomer * 11_000);
        story.at_ms(at_ms).for_s(8..10).goes_wrong(Fault::AddNode { region });
        let node = story.any_node();
        story.at_ms(at_ms + 5_000).for_s(1..3).goes_wrong(Fault::PowerLoss { node, torn: false });
    }
    story.told()
}
