//! Past failures: each plan that once broke an invariant, shrunk, stays here with a name.
//!
//! `sojourn-sim shrink SEED -o sim-tests/src/scenarios/found/NAME.json` writes
//! the plan; an entry of [`FOUND`] names it and says what had gone wrong.

use super::{Scenario, Scene};
use crate::plan::Level;

/// A plan that once broke an invariant.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its name, and what had gone wrong.
    pub scenario: Scenario,
    /// The seed that broke it.
    pub seed: u64,
    /// The level at which it broke.
    pub level: Level,
}

impl Found {
    /// An entry for a plan that is stored as JSON.
    #[must_use]
    pub const fn stored(
        name: &'static str,
        sentence: &'static str,
        (seed, level): (u64, Level),
        json: &'static str,
    ) -> Self {
        Self { scenario: Scenario { name, sentence, scene: Scene::Stored(json) }, seed, level }
    }
}

/// All of them.
pub const FOUND: &[Found] = &[
    Found::stored(
        "removal-by-a-wrong-clock",
        "A node that starts with its clock ahead has dropped records as past their deadline while it read its log.",
        (4395, Level::Core),
        include_str!("removal-by-a-wrong-clock.json"),
    ),
    Found::stored(
        "created-in-the-past",
        "A node that starts with its clock back has taken calls before its peers could tell it, and made sessions that were over elsewhere.",
        (11_607, Level::Core),
        include_str!("created-in-the-past.json"),
    ),
    Found::stored(
        "token-of-a-refused-entry",
        "A node that had refused a spoilt copy of an entry has served reads whose causal token names that entry.",
        (10_028, Level::Core),
        include_str!("token-of-a-refused-entry.json"),
    ),
    Found::stored(
        "dots-of-an-old-copy",
        "A node that started from an old copy of its disk has given out dots that it had given out before.",
        (832, Level::Core),
        include_str!("dots-of-an-old-copy.json"),
    ),
    Found::stored(
        "poison-leaves-a-hole",
        "No peer has sent the sound copy of an entry again that a node had refused.",
        (771, Level::Core),
        include_str!("poison-leaves-a-hole.json"),
    ),
    Found::stored(
        "confirmation-without-link",
        "Confirmations of what had come while there was no link to its origin were lost.",
        (4, Level::Core),
        include_str!("confirmation-without-link.json"),
    ),
    Found::stored(
        "lost-record-in-a-transfer",
        "A node whose disk had lost a record has handed its partition over without it, and with a version vector that names it.",
        (2_601, Level::Core),
        include_str!("lost-record-in-a-transfer.json"),
    ),
    Found::stored(
        "unsynced-write-made-twice",
        "A write that was applied and could not be synced was told as not made, so that the client made it again elsewhere.",
        (92, Level::Full),
        include_str!("unsynced-write-made-twice.json"),
    ),
    Found::stored(
        "gap-of-a-lost-region",
        "A region was lost with the only copy of some writes, and nobody could go beyond them to the later one that had got out.",
        (9797, Level::Core),
        include_str!("gap-of-a-lost-region.json"),
    ),
    Found::stored(
        "clock-jumps-while-alone",
        "A node that had heard no other clock since its start has gone on writing after its own had jumped.",
        (18_080, Level::Core),
        include_str!("clock-jumps-while-alone.json"),
    ),
    Found::stored(
        "clock-behind-its-own-disk",
        "A node cut off at its start has made sessions by a clock three hours behind what its own log names.",
        (14_195, Level::Core),
        include_str!("clock-behind-its-own-disk.json"),
    ),
    Found::stored(
        "found-done-and-forgotten",
        "A logout that found its work done by a peer's state was acknowledged, and forgotten when the power went.",
        (18_919, Level::Core),
        include_str!("found-done-and-forgotten.json"),
    ),
    Found::stored(
        "record-of-a-removed-node",
        "A record that a transfer had brought from a node which was then removed has differed between replicas for ever.",
        (13_888, Level::Core),
        include_str!("record-of-a-removed-node.json"),
    ),
    Found::stored(
        "reads-fail-and-writes-go-on",
        "A node whose disk failed reads has gone on to acknowledge buffered writes.",
        (30, Level::Full),
        include_str!("reads-fail-and-writes-go-on.json"),
    ),
    Found::stored(
        "links-stay-away-after-a-cut",
        "Links whose packets a cut had swallowed came back only 15 seconds after the heal.",
        (80, Level::Full),
        include_str!("links-stay-away-after-a-cut.json"),
    ),
    Found::stored(
        "raft-of-a-lost-disk",
        "A node that came back with its name and an empty disk has answered Raft for the replica that it had been.",
        (85, Level::Full),
        include_str!("raft-of-a-lost-disk.json"),
    ),
    Found::stored(
        "receipt-of-a-held-entry",
        "A receipt has said that a region had ended a session whose logout a node there held back, since its clock was behind.",
        (49, Level::Core),
        include_str!("receipt-of-a-held-entry.json"),
    ),
    Found::stored(
        "clocks-that-all-differ",
        "A node that heard two clocks, both wrong and each in its own way, has taken its own for right because it was between them.",
        (16_823, Level::Core),
        include_str!("clocks-that-all-differ.json"),
    ),
    Found::stored(
        "wait-for-what-is-over",
        "A node has waited for ever for its damaged record of a session that was over, since it merged no peer's any more.",
        (24_371, Level::Core),
        include_str!("wait-for-what-is-over.json"),
    ),
    Found::stored(
        "logout-that-came-too-late",
        "A node was counted in a receipt of a logout that it had dropped, since the session was over, and held it as live when its clock went back.",
        (46_665, Level::Core),
        include_str!("logout-that-came-too-late.json"),
    ),
];
