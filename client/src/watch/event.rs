//! What a feed tells.

use std::fmt;

use bytes::Bytes;
use sojourn_proto::feed::v1 as pb;
use sojourn_proto::feed::v1::watch_event::Event;

use crate::model::{Auth, Session, Value};

/// Something that happened. `Debug` shows no names and no values.
#[derive(Clone, PartialEq)]
pub struct WatchEvent {
    /// In which partition.
    pub partition: u32,
    /// Stands for the session in all events; of no use as an id. Zeros with `LoggedOut`
    /// and `Missed`.
    pub key: [u8; 16],
    /// The session's namespace.
    pub namespace: String,
    /// Whose session it is, if anybody's.
    pub principal: Option<String>,
    /// The node does not know whose session it is.
    pub principal_unknown: bool,
    /// When, in milliseconds since the Unix epoch. None for what carries no time:
    /// changes of counters and sets alone, and `Missed`.
    pub at_ms: Option<u64>,
    /// The replica that wrote it; 0 with `Expired` and `Missed`.
    pub replica_id: u32,
    /// The region of that replica, if it is still a member.
    pub region: Option<String>,
    /// What happened.
    pub kind: WatchKind,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WatchKind {
    /// The session was made.
    Created(Changed),
    /// It was changed.
    Changed(Changed),
    /// It got another id.
    Rotated {
        /// The old id was dead at once, as after a login.
        without_grace: bool,
        /// What was changed with it.
        changed: Changed,
    },
    /// An id was used that had been replaced: by a request that came late, or by somebody
    /// who has got hold of an old id. Told once a minute a session and a node at most.
    Replayed,
    /// Its principal was logged out everywhere: sessions that began before are over, for ever.
    LoggedOut {
        /// The key of the session that goes on, of the one who ended all others.
        kept: Option<[u8; 16]>,
    },
    /// It was ended, for ever, by itself or through its principal.
    Revoked {
        /// Why.
        reason: String,
        /// How it was before, if asked for and still known; none of one that was ended
        /// through its principal, which comes with `Expired`.
        final_state: Option<Session>,
    },
    /// Its time is over.
    Expired {
        /// How it was, if asked for and still known.
        final_state: Option<Session>,
    },
    /// Something cannot be told: whoever keeps copies should read them again.
    Missed {
        /// Writes.
        changes: bool,
        /// Expiries.
        expiries: bool,
    },
}

/// What a write changed. `Debug` shows how much.
#[derive(Clone, Default, PartialEq)]
pub struct Changed {
    /// Attributes that were written or removed.
    pub attributes: Vec<AttributeChange>,
    /// Counters that were added to.
    pub counters: Vec<CounterChange>,
    /// Sets whose members changed.
    pub sets: Vec<SetChange>,
    /// The login was replaced.
    pub login_changed: bool,
    /// The new login, if values were asked for.
    pub login: Option<Auth>,
}

/// One attribute.
#[derive(Clone, PartialEq)]
pub struct AttributeChange {
    /// Its name.
    pub name: String,
    /// It was removed.
    pub removed: bool,
    /// What was written, if values were asked for. A write made elsewhere at the same
    /// time may hold in its place.
    pub value: Option<Value>,
}

/// One counter.
#[derive(Clone, PartialEq)]
pub struct CounterChange {
    /// Its name.
    pub name: String,
    /// Its sum when the event was told, if values were asked for.
    pub sum: Option<i64>,
}

/// One set.
#[derive(Clone, PartialEq)]
pub struct SetChange {
    /// Its name.
    pub name: String,
    /// Members added, if values were asked for.
    pub added: Vec<Bytes>,
    /// Members removed, if values were asked for.
    pub removed: Vec<Bytes>,
}

impl WatchEvent {
    /// None for a kind of event that this version does not know.
    pub(super) fn from_wire(event: pb::WatchEvent) -> Option<Self> {
        let kind = kind(event.event?);
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Some(Self {
            partition: event.partition,
            key: <[u8; 16]>::try_from(&event.key[..]).unwrap_or_default(),
            namespace: event.namespace,
            principal: given(event.principal),
            principal_unknown: event.principal_unknown,
            at_ms: Some(event.at_ms).filter(|at_ms| *at_ms > 0),
            replica_id: event.replica_id,
            region: given(event.region),
            kind,
        })
    }
}

fn kind(event: Event) -> WatchKind {
    match event {
        Event::Created(changed) => WatchKind::Created(from_wire(changed)),
        Event::Changed(changed) => WatchKind::Changed(from_wire(changed)),
        Event::Rotated(pb::Rotated { without_grace, changed }) => {
            WatchKind::Rotated { without_grace, changed: from_wire(changed.unwrap_or_default()) }
        }
        Event::Replayed(pb::Replayed {}) => WatchKind::Replayed,
        Event::LoggedOut(pb::LoggedOut { kept_key }) => {
            WatchKind::LoggedOut { kept: <[u8; 16]>::try_from(&kept_key[..]).ok() }
        }
        Event::Revoked(pb::Ended { reason, final_state }) => {
            WatchKind::Revoked { reason, final_state: final_state.map(Session::from_wire) }
        }
        Event::Expired(ended) => {
            WatchKind::Expired { final_state: ended.final_state.map(Session::from_wire) }
        }
        Event::Missed(pb::Missed { changes, expiries }) => WatchKind::Missed { changes, expiries },
    }
}

fn from_wire(changed: pb::Changed) -> Changed {
    let attribute = |it: pb::AttributeChange| AttributeChange {
        name: it.name,
        removed: it.removed,
        value: it.value.map(Value::from_wire),
    };
    let counter = |it: pb::CounterChange| CounterChange { name: it.name, sum: it.sum };
    let set = |it: pb::SetMembersChange| SetChange { name: it.name, added: it.added, removed: it.removed };
    Changed {
        attributes: changed.attributes.into_iter().map(attribute).collect(),
        counters: changed.counters.into_iter().map(counter).collect(),
        sets: changed.sets.into_iter().map(set).collect(),
        login_changed: changed.login_changed,
        login: changed.login.map(Auth::from_wire),
    }
}

impl fmt::Debug for WatchEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchEvent")
            .field("partition", &self.partition)
            .field("at_ms", &self.at_ms)
            .field("replica_id", &self.replica_id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names and values are the user's: only their numbers may reach a log.
        f.debug_struct("Changed")
            .field("attributes", &self.attributes.len())
            .field("counters", &self.counters.len())
            .field("sets", &self.sets.len())
            .field("login_changed", &self.login_changed)
            .finish_non_exhaustive()
    }
}
