//! Readers of a replica that is taking whole partitions over.
//!
//! The log is small and soon forgets. A node is away for so long that it must take
//! everything from a peer, in small pieces over slow links. When it comes back, the other nodes of its
//! region are cut off with what they had, while users of another region go on. Users of its own region
//! read at it while the pieces come, and then at the nodes that have less: by their causal
//! tokens none of these goes back behind what they have seen.

use super::story::Story;
use super::{Scenario, Scene};
use crate::plan::{Action, Fault, Latency, Level, Plan};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "reads-during-a-transfer",
    sentence: "users read at a node while it takes partitions over; what they have seen they see everywhere",
    scene: Scene::Drawn(plan),
};

const SESSIONS: usize = 100;
const WATCHED: usize = 12;
const CUT_MS: u64 = 40_000;
const BACK_MS: u64 = 45_000;

fn plan(seed: u64, level: Level) -> Plan {
    let mut story = Story::new(SCENARIO.name, seed, level);
    let settings = story.settings();
    (settings.partition_count, settings.clients) = (1, 18);
    (settings.block_bytes_max, settings.log_disk_bytes_max) = (1 << 10, 4 << 10);
    settings.transfer_chunk_bytes_max = Some(4 << 10);
    settings.lan = Latency { us_min: 20_000, us_max: 60_000 };
    let away = story.any_node();
    let there = story.region_of(away);
    let left = story.nodes_of(there).filter(|node| *node != away).collect();
    let here = story.another_region(there);
    let sessions: Vec<_> = (0..SESSIONS).map(|_| story.session_of(here)).collect();
    story.users_work_throughout();
    story.at_ms(6_000).until_ms(BACK_MS).goes_wrong(Fault::LongOutage { node: away });
    let cut = story.any_cut();
    story.at_ms(CUT_MS).until_ms(59_000).goes_wrong(Fault::Partition { left, cut });
    for session in &sessions[..WATCHED] {
        let (writer, reader) = (story.any_client_of(here), story.any_client_of(there));
        let set = Action::Set { field: story.draw(0..2) as u8 };
        let at_ms = story.draw(CUT_MS + 500..BACK_MS - 500);
        story.at_ms(at_ms).client_calls(writer, *session, set);
        let mut at_ms = BACK_MS + story.draw(0..200);
        while at_ms < BACK_MS + 6_000 {
            story.at_ms(at_ms).client_calls(reader, *session, Action::Read);
            at_ms += 200;
        }
    }
    story.told()
}
