//! The content of a live session.

use std::collections::BTreeMap;
use std::fmt;

use super::auth::AuthBlock;
use super::counter::Counter;
use super::presence::Members;
use super::register::Register;
use super::replays::Replays;
use super::rotation::Rotation;
use super::stamp::Stamp;
use super::value::{Name, Value};

/// The content of a live session, or of a fragment: only what changed.
///
/// Each part merges by itself, and absent means "not known here", never "removed".
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// The last use, in milliseconds since the Unix epoch: a maximum. 0 in a fragment that moves nothing.
    pub last_seen_ms: u64,
    /// When and by whom it was ended for lying idle: the first by stamp. Nothing but the
    /// last use is left then.
    pub lapsed: Option<Stamp>,
    /// Rotations of the id. Resolve them by [`Register::current`].
    pub ids: Register<Rotation>,
    /// Uses of ids that had been replaced.
    pub replays: Replays,
    /// The login. Resolve it by [`Register::lowest_privilege`].
    pub auth: Register<AuthBlock>,
    /// Attributes. A removed one stays as a removal until the session ends.
    pub attributes: BTreeMap<Name, Register<Value>>,
    /// Counters.
    pub counters: BTreeMap<Name, Counter>,
    /// Sets.
    pub sets: BTreeMap<Name, Members>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names and members are the user's: only their numbers may reach a log.
        f.debug_struct("Body")
            .field("last_seen_ms", &self.last_seen_ms)
            .field("lapsed", &self.lapsed)
            .field("ids", &self.ids)
            .field("replays", &self.replays)
            .field("auth", &self.auth)
            .field("attributes", &self.attributes.values())
            .field("counters", &self.counters.values())
            .field("sets", &self.sets.values().map(Members::len).collect::<Vec<_>>())
            .finish()
    }
}

impl Body {
    /// What is left of one that lay idle since `last_seen_ms` for so long that it was ended.
    #[must_use]
    pub fn lapsed(last_seen_ms: u64, lapsed: Stamp) -> Self {
        Self { last_seen_ms, lapsed: Some(lapsed), ..Self::default() }
    }

    /// Joins another copy, part by part.
    pub fn merge(&mut self, other: Self) {
        if planted!(LastSeenGoesBack) && other.last_seen_ms > 0 {
            self.last_seen_ms = other.last_seen_ms;
        }
        if planted!(UseUndoesRotation) && other.last_seen_ms > self.last_seen_ms {
            self.ids = Register::default();
        }
        self.last_seen_ms = self.last_seen_ms.max(other.last_seen_ms);
        if let Some(lapsed) = self.lapsed.into_iter().chain(other.lapsed).min() {
            *self = Self::lapsed(self.last_seen_ms, lapsed);
            return;
        }
        self.ids.merge(other.ids);
        self.replays.merge(other.replays);
        self.auth.merge(other.auth);
        join(&mut self.attributes, other.attributes, Register::merge);
        join(&mut self.counters, other.counters, Counter::merge);
        if planted!(MergeForgetsSets) && !self.sets.is_empty() {
            return;
        }
        join(&mut self.sets, other.sets, |mine, theirs| join(mine, theirs, super::Presence::merge));
    }
}

fn join<K: Ord, V>(mine: &mut BTreeMap<K, V>, theirs: BTreeMap<K, V>, merge: impl Fn(&mut V, V)) {
    use std::collections::btree_map::Entry;
    for (name, value) in theirs {
        match mine.entry(name) {
            Entry::Occupied(mut held) => merge(held.get_mut(), value),
            Entry::Vacant(free) => {
                free.insert(value);
            }
        }
    }
}
