//! A change of a session's content.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use sojourn_proto::session::v1;

use super::{Auth, Value};

/// What to change; a node applies all of it as one.
///
/// For one name the last instruction holds: setting and then removing an
/// attribute removes it. Additions to one counter add up.
#[derive(Clone, Default, PartialEq)]
pub struct Changes {
    pub(super) attributes: BTreeMap<String, Option<Value>>,
    pub(super) counters: BTreeMap<String, i64>,
    /// Set name to member to whether it is added (else removed).
    pub(super) sets: BTreeMap<String, BTreeMap<Bytes, bool>>,
    pub(super) auth: Option<Auth>,
    pub(super) device: String,
}

impl Changes {
    /// No change.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes an attribute.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), Some(value.into()));
        self
    }

    /// Removes an attribute; one that is not there is no error.
    #[must_use]
    pub fn remove(mut self, name: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), None);
        self
    }

    /// Adds to a counter; a negative amount subtracts.
    #[must_use]
    pub fn add(mut self, counter: impl Into<String>, amount: i64) -> Self {
        let total = self.counters.entry(counter.into()).or_default();
        *total = total.saturating_add(amount);
        self
    }

    /// Adds a member to a set.
    #[must_use]
    pub fn add_member(self, set: impl Into<String>, member: impl Into<Bytes>) -> Self {
        self.member(set.into(), member.into(), true)
    }

    /// Removes a member from a set, as far as the answering replica has seen it.
    #[must_use]
    pub fn remove_member(self, set: impl Into<String>, member: impl Into<Bytes>) -> Self {
        self.member(set.into(), member.into(), false)
    }

    /// Replaces the identity of the session.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// What the list of the principal's sessions calls this device, at most 128 bytes.
    /// Taken note of only with [`Self::auth`].
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.device = device.into();
        self
    }

    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.counters.is_empty() && self.sets.is_empty() && self.auth.is_none()
    }

    fn member(mut self, set: String, member: Bytes, added: bool) -> Self {
        self.sets.entry(set).or_default().insert(member, added);
        self
    }

    pub(crate) fn into_wire(self) -> v1::Changes {
        let mut wire = v1::Changes {
            add_counters: self.counters,
            change_sets: self.sets.into_iter().map(set_change).collect(),
            set_auth: self.auth.map(Auth::into_wire),
            device: self.device,
            ..v1::Changes::default()
        };
        for (name, value) in self.attributes {
            match value {
                Some(value) => drop(wire.set_attributes.insert(name, value.into_wire())),
                None => wire.remove_attributes.push(name),
            }
        }
        wire
    }
}

fn set_change((name, members): (String, BTreeMap<Bytes, bool>)) -> v1::SetChange {
    let (add, remove): (BTreeSet<_>, BTreeSet<_>) = members.into_iter().partition(|(_, added)| *added);
    let names = |members: BTreeSet<(Bytes, bool)>| members.into_iter().map(|(member, _)| member).collect();
    v1::SetChange { name, add: names(add), remove: names(remove) }
}

/// Counts only: names and values belong to the session.
impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("attributes", &self.attributes.len())
            .field("counters", &self.counters.len())
            .field("sets", &self.sets.len())
            .field("auth", &self.auth.is_some())
            .finish()
    }
}
