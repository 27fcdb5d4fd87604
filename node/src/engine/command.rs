//! PURE. What can be done to a session.

use std::sync::Arc;

use bytes::Bytes;

use crate::session::{AuthBlock, Dot, Name, SecretHash, Session, Value};

/// One change of one session.
#[derive(Debug, Clone)]
pub enum Command {
    /// Inserts a session; never changes one that is or was there.
    Create(Create),
    /// Changes a live session.
    Update(Update),
    /// Moves the idle deadline of a live session.
    Touch,
    /// Gives a live session another id, and changes it, as one.
    Rotate(Rotate),
    /// Notes that an id was used that had been replaced; at most once in a while.
    MarkReplay,
    /// Ends a session for ever. Repeating it is no error and has no effect.
    Revoke {
        /// Why, for audit.
        reason: Arc<str>,
    },
    /// Ends a session for lying idle, unless it was used after that; not for users.
    Lapse {
        /// Its last use as all replicas know it, in milliseconds since the Unix epoch.
        last_seen_ms: u64,
    },
    /// Merges a live session as it was exported. Never brings one back that has ended.
    Merge(Box<Session>),
}

/// A session to insert.
#[derive(Debug, Clone)]
pub struct Create {
    /// Its namespace, already checked.
    pub namespace: Arc<str>,
    /// How long it may lie idle, in milliseconds.
    pub idle_timeout_ms: u64,
    /// How long it may live at most, in milliseconds.
    pub absolute_timeout_ms: u64,
    /// Its first content.
    pub changes: Changes,
}

/// A change of a live session, applied as one.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// What to change.
    pub changes: Changes,
    /// Also move the idle deadline.
    pub touch: bool,
    /// What must hold on this replica, or nothing is changed.
    pub expected: Vec<Expectation>,
}

/// What an attribute must hold for a change to be made.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The attribute.
    pub name: Name,
    /// Its value; none: it must not be there.
    pub value: Option<Value>,
}

/// Another id for a live session.
#[derive(Debug, Clone)]
pub struct Rotate {
    /// The new id.
    pub secret: SecretHash,
    /// For how long the id shown is still accepted, in milliseconds, at most
    /// [`crate::session::rotation::GRACE_MS_MAX`]; 0, for a login or step-up: it and
    /// all before it are dead at once.
    pub grace_ms: u64,
    /// What to change with it.
    pub update: Update,
}

/// Content to change; all of it or nothing. Later entries of one name win.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Attributes to write.
    pub set_attributes: Vec<(Name, Value)>,
    /// Attributes to remove; names that hold no value are passed over.
    pub remove_attributes: Vec<Name>,
    /// Amounts to add to counters.
    pub add_counters: Vec<(Name, i64)>,
    /// Changes of sets.
    pub change_sets: Vec<SetChange>,
    /// Replaces the login as a whole.
    pub set_auth: Option<AuthBlock>,
}

impl Changes {
    /// True if nothing is to be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set_attributes.is_empty()
            && self.remove_attributes.is_empty()
            && self.add_counters.is_empty()
            && self.change_sets.is_empty()
            && self.set_auth.is_none()
    }
}

/// Additions to and removals from one set.
#[derive(Clone)]
pub struct SetChange {
    /// The set.
    pub name: Name,
    /// Members to add.
    pub add: Vec<Bytes>,
    /// Members to remove; those that are not in the set are passed over.
    pub remove: Vec<Bytes>,
}

impl std::fmt::Debug for SetChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Members are the user's: only their number may reach a log.
        write!(f, "SetChange(+{}, -{})", self.add.len(), self.remove.len())
    }
}

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The session was inserted.
    Created,
    /// The session was changed.
    Updated,
    /// All that was brought is in the session.
    Merged,
    /// The session has ended for lying idle, or goes on because it was used.
    LapseJudged,
    /// The session has this id.
    Rotated {
        /// The id.
        secret: SecretHash,
    },
    /// It is noted, by this command or by one before it.
    ReplayMarked,
    /// The idle deadline was moved, or is close enough to stay.
    Touched {
        /// When the session now ends if it is not used again, in milliseconds since the Unix epoch.
        expires_at_ms: u64,
    },
    /// The session is ended.
    Revoked {
        /// When the revocation that holds was made, in milliseconds since the Unix epoch.
        revoked_at_ms: u64,
        /// The reason that holds.
        reason: Arc<str>,
        /// The write that it was made by.
        dot: Dot,
    },
}
