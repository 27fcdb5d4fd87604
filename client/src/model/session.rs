//! A session as it is read, and what calls answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use sojourn_proto::session::v1;

use super::{Auth, CausalToken, Receipt, SessionId, Value};

/// A session's content. `Debug` shows times and counts, no content.
#[derive(Clone, Default, PartialEq)]
pub struct Session {
    /// The namespace it was created in.
    pub namespace: String,
    /// Creation, in milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// When it ends whatever happens, in milliseconds since the Unix epoch.
    pub absolute_deadline_ms: u64,
    /// How long it may lie idle, in milliseconds.
    pub idle_timeout_ms: u64,
    /// The last time it was used, in milliseconds since the Unix epoch.
    pub last_seen_ms: u64,
    /// When it ends if it is not used again, in milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// When it got the id that it has, in milliseconds since the Unix epoch; 0: it has its first one.
    pub rotated_at_ms: u64,
    /// The principal; absent if nobody has logged in.
    pub auth: Option<Auth>,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Value>,
    /// Counters by name.
    pub counters: BTreeMap<String, i64>,
    /// Sets by name.
    pub sets: BTreeMap<String, BTreeSet<Bytes>>,
    /// Stands for the session in the change feed ([`WatchEvent::key`](crate::WatchEvent::key));
    /// of no use as an id.
    pub feed_key: [u8; 16],
}

impl Session {
    /// An attribute's text, if it is there and is text or JSON.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(Value::as_str)
    }

    /// A counter; one that nobody has added to is 0.
    #[must_use]
    pub fn counter(&self, name: &str) -> i64 {
        self.counters.get(name).copied().unwrap_or_default()
    }

    /// Whether a set has a member.
    #[must_use]
    pub fn has_member(&self, set: &str, member: &[u8]) -> bool {
        self.sets.get(set).is_some_and(|members| members.contains(member))
    }

    /// The principal's name, if somebody has logged in.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.auth.as_ref().map(|auth| auth.principal.as_str()).filter(|name| !name.is_empty())
    }

    pub(crate) fn from_wire(session: v1::Session) -> Self {
        let attributes = session.attributes.into_iter().map(|(name, value)| (name, Value::from_wire(value)));
        let sets = session.sets.into_iter().map(|(name, set)| (name, set.members.into_iter().collect()));
        Self {
            namespace: session.namespace,
            created_at_ms: session.created_at_ms,
            absolute_deadline_ms: session.absolute_deadline_ms,
            idle_timeout_ms: session.idle_timeout_ms,
            last_seen_ms: session.last_seen_ms,
            expires_at_ms: session.expires_at_ms,
            rotated_at_ms: session.rotated_at_ms,
            auth: session.auth.map(Auth::from_wire),
            attributes: attributes.collect(),
            counters: session.counters,
            sets: sets.collect(),
            feed_key: session.feed_key[..].try_into().unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("created_at_ms", &self.created_at_ms)
            .field("expires_at_ms", &self.expires_at_ms)
            .field("attributes", &self.attributes.len())
            .field("counters", &self.counters.len())
            .field("sets", &self.sets.len())
            .finish_non_exhaustive()
    }
}

/// A new session.
#[derive(Clone, Debug)]
pub struct Created {
    /// The id, shown only here.
    pub id: SessionId,
    /// The session as created.
    pub session: Session,
    /// Show it to a later call to see at least this write.
    pub token: CausalToken,
    /// The replica that made it, as [`Client::members`](crate::Client::members) names it.
    pub replica_id: u32,
}

/// A session that was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The session.
    pub session: Session,
    /// Show it to a later call to see at least this state.
    pub token: CausalToken,
    /// The replica that answered, as [`Client::members`](crate::Client::members) names it.
    pub replica_id: u32,
    /// The id was replaced and is accepted only until its grace ends: its successor is on
    /// its way to whoever holds it.
    pub id_replaced: bool,
    /// If asked for: how old what the replica knows of each region's revocations is, in
    /// milliseconds, never less than in truth; none: not known. It counts for the moment of the answer.
    pub revocations_staleness_ms: BTreeMap<String, Option<u64>>,
}

/// A session that has another id.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The new id, shown only here.
    pub id: SessionId,
    /// The session after the change, if it was asked for.
    pub session: Option<Session>,
    /// Show it to a later call to see at least this write. A region that has not heard of
    /// it does not know the new id.
    pub token: CausalToken,
    /// The replica that made the change, as [`Client::members`](crate::Client::members) names it.
    pub replica_id: u32,
}

/// A session that was changed.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The session after the change, if it was asked for.
    pub session: Option<Session>,
    /// Show it to a later call to see at least this write.
    pub token: CausalToken,
    /// The replica that made the change, as [`Client::members`](crate::Client::members) names it.
    pub replica_id: u32,
}

/// A session that was kept alive.
#[derive(Clone, Debug)]
pub struct Touched {
    /// When it now ends if it is not used again, in milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// Show it to a later call to see at least this write.
    pub token: CausalToken,
    /// The replica that made the change, as [`Client::members`](crate::Client::members) names it.
    pub replica_id: u32,
}

/// A session that was ended.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// When the revocation that holds was made, in milliseconds since the Unix epoch.
    pub revoked_at_ms: u64,
    /// The reason that holds: the first one by stamp.
    pub reason: String,
    /// Show it to a later call to see at least this revocation.
    pub token: CausalToken,
    /// The replica that made the change, as [`Client::members`](crate::Client::members) names it.
    pub replica_id: u32,
    /// Which regions have applied it.
    pub receipt: Receipt,
}

/// A principal that was logged out everywhere.
#[derive(Clone, Debug)]
pub struct LoggedOut {
    /// The replica that made the change, as [`Client::members`](crate::Client::members) names it.
    pub replica_id: u32,
    /// Which regions have applied it.
    pub receipt: Receipt,
}
