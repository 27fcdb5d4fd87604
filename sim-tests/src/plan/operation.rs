//! What clients do.

use serde::{Deserialize, Serialize};

use super::SessionId;

/// How many replicas take part before the answer; the product's levels, in a form that plans can store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// One replica of the region.
    LocalOne,
    /// A majority of the region's replicas.
    LocalQuorum,
    /// A majority in each region. Writes only.
    EachQuorum,
    /// Every replica.
    All,
}

/// When a write counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Synced within `sync_interval_ms`.
    Buffered,
    /// Synced before the answer.
    Synced,
}

/// The causal token that a call shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Token {
    /// None.
    None,
    /// The newest that this client holds for the session.
    Own,
    /// The newest that any client holds for the session.
    Newest,
    /// One that names writes that no node has made.
    Forged,
}

/// The id that a call shows, of those that clients were given for the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shows {
    /// The newest that was not refused yet as replaced.
    #[default]
    Newest,
    /// The one that came before that; the same if there is but one.
    Before,
}

/// What is done to a session. Every written value is unique in the run: the
/// operation's index tells which write a reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Creates it.
    Create,
    /// Writes attribute `a{field}`.
    Set {
        /// Which.
        field: u8,
    },
    /// Removes attribute `a{field}`.
    Remove {
        /// Which.
        field: u8,
    },
    /// Adds to counter `n`.
    Add {
        /// How much.
        amount: i32,
    },
    /// Adds member `m{member}` to set `s`.
    AddMember {
        /// Which.
        member: u8,
    },
    /// Removes member `m{member}` from set `s`.
    RemoveMember {
        /// Which.
        member: u8,
    },
    /// Binds principal `p{principal}`.
    Login {
        /// Which.
        principal: u8,
    },
    /// Logs principal `p{principal}` out everywhere; the operation's session has no part in it.
    LogOutEverywhere {
        /// Which.
        principal: u8,
    },
    /// Moves the idle deadline.
    Touch,
    /// Gives it another id.
    Rotate {
        /// For how long the id shown is still accepted, in milliseconds; 0: it is dead at once.
        grace_ms: u32,
    },
    /// Ends it.
    Revoke,
    /// Reads it.
    Read,
}

/// One call of one client. A client has one call under way at most: a call that
/// is due earlier waits, as a user's browser would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedOperation {
    /// When, in milliseconds from the start of chaos.
    pub at_ms: u64,
    /// By which client.
    pub client: u16,
    /// On which session. Skipped if the session's creation is not known to have worked.
    pub session: SessionId,
    /// What.
    pub action: Action,
    /// `EachQuorum` on a read means `All`.
    pub consistency: Consistency,
    /// For writes.
    pub durability: Durability,
    /// What the call must see at least.
    pub token: Token,
    /// Which id it shows; for a creation and a log-out everywhere without meaning.
    #[serde(default)]
    pub shows: Shows,
    /// Send it a second time with the same idempotency key, whatever the first answer was.
    pub repeated: bool,
    /// How long the client waits for the answer, in milliseconds.
    pub timeout_ms: u64,
}

impl Action {
    /// Whether it changes the session.
    #[must_use]
    pub fn is_write(self) -> bool {
        self != Self::Read
    }

    /// Whether it finds its session by an id that it shows.
    #[must_use]
    pub fn shows_id(self) -> bool {
        !matches!(self, Self::Create | Self::LogOutEverywhere { .. })
    }
}

/// The attribute that each session is created with, which nobody changes later.
pub const BORN: &str = "born";

/// The value that operation number `operation` writes.
#[must_use]
pub fn value_of(operation: usize) -> String {
    format!("v{operation}")
}

/// The operation that writes a value.
#[must_use]
pub fn operation_of(value: &[u8]) -> Option<usize> {
    std::str::from_utf8(value).ok()?.strip_prefix('v')?.parse().ok()
}
