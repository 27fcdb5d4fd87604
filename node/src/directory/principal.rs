//! PURE. A principal: its logouts everywhere, and its sessions.
//!
//! All of it is grow-only or an observed-remove set, so that it merges like a
//! session. The list of sessions is a convenience and never an authority: whether
//! a session is valid follows from its own login and from the logouts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use crdts::CvRDT;

use super::entry::Entry;
use crate::engine::{Changes, SetChange};
use crate::session::epoch::covers;
use crate::session::{AuthBlock, Body, Dot, Key, Members, Session, Value, ValueKind, VersionVector};

/// A member for each logout everywhere; the dots of all of them are the principal's
/// revocation vector (see `session::epoch`).
const LOGOUTS: &str = "logouts";
/// Sessions that a logout of all others has spared: the key, then the logout's member.
const KEPT: &str = "kept";
/// Sessions that were ended one by one: the key, then the reason.
const ENDED: &str = "ended";
/// The reason of an end by the limit of sessions.
const BY_SESSIONS_MAX: &[u8] = b"sessions_max";
/// [`Entry`]s.
const SESSIONS: &str = "sessions";
/// The attribute that says whose record it is, written with each end: the change feed
/// tells it, and a key does not give it away.
const NAME: &str = "principal";

/// What is known of a principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    logouts: BTreeMap<Bytes, VersionVector>,
    kept: BTreeSet<(Key, Bytes)>,
    ended: BTreeMap<Key, Arc<str>>,
    sessions: BTreeMap<Key, Entry>,
}

/// How a session was ended from outside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its principal was logged out everywhere.
    Everywhere,
    /// It was ended by name.
    ByName {
        /// Why.
        reason: Arc<str>,
    },
    /// Its principal has logged in too often since: the oldest sessions end.
    BySessionsMax,
}

impl Principal {
    /// What its records say together.
    #[must_use]
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Session>) -> Self {
        let mut principal = Self::default();
        for body in records.into_iter().filter_map(Session::body) {
            principal.add(body);
        }
        principal
    }

    /// What several records of one principal say together.
    #[must_use]
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut whole = Self::default();
        for part in parts {
            for (logout, dots) in &part.logouts {
                whole.logouts.entry(logout.clone()).or_default().merge(dots.clone());
            }
            whole.kept.extend(part.kept.iter().cloned());
            part.ended.iter().for_each(|(key, reason)| whole.add_ended(*key, reason.clone()));
            part.sessions.values().for_each(|entry| whole.add_entry(entry.clone()));
        }
        whole
    }

    fn add_ended(&mut self, key: Key, reason: Arc<str>) {
        let held = self.ended.entry(key).or_insert_with(|| reason.clone());
        // Ended for two reasons: the same one everywhere.
        *held = held.clone().min(reason);
    }

    fn add_entry(&mut self, entry: Entry) {
        let held = self.sessions.entry(entry.key).or_insert_with(|| entry.clone());
        *held = held.clone().max(entry);
    }

    fn add(&mut self, body: &Body) {
        for (logout, presence) in set(body, LOGOUTS).into_iter().flatten() {
            self.logouts.entry(logout.clone()).or_default().merge(presence.clocks().0);
        }
        self.kept.extend(kept(body).map(|(key, logout)| (key, Bytes::copy_from_slice(logout))));
        ended_by_name(body).into_iter().for_each(|(key, reason)| self.add_ended(key, reason));
        let present = set(body, SESSIONS).into_iter().flatten().filter(|(_, presence)| presence.is_present());
        present.filter_map(|(member, _)| Entry::decode(member)).for_each(|entry| self.add_entry(entry));
    }

    /// What a login remembers: the revocation vector.
    #[must_use]
    pub fn epoch(&self) -> VersionVector {
        let mut epoch = VersionVector::new();
        for logout in self.logouts.values() {
            epoch.merge(logout.clone());
        }
        epoch
    }

    /// How a session of this principal was ended, if it was. With `sessions_max`
    /// above 0 only so many of the newest logins are valid.
    #[must_use]
    pub fn ended(&self, key: &Key, auth: &AuthBlock, sessions_max: usize, now_ms: u64) -> Option<Ended> {
        if let Some(reason) = self.ended.get(key) {
            return Some(Ended::ByName { reason: reason.clone() });
        }
        let is_survived = |(logout, dots): (&Bytes, &VersionVector)| {
            covers(&auth.epoch_seen, dots) || self.kept.contains(&(*key, logout.clone()))
        };
        if !self.logouts.iter().all(is_survived) {
            return Some(Ended::Everywhere);
        }
        let is_beyond = sessions_max > 0
            && self.sessions.contains_key(key)
            && self.newest_first(now_ms).take(sessions_max).all(|entry| entry.key != *key);
        is_beyond.then_some(Ended::BySessionsMax)
    }

    /// The sessions that were not ended one by one and whose time is not over, the newest login first.
    pub fn newest_first(&self, now_ms: u64) -> impl Iterator<Item = &Entry> {
        let live = |entry: &&Entry| entry.deadline_ms > now_ms && !self.ended.contains_key(&entry.key);
        let mut entries: Vec<&Entry> = self.sessions.values().filter(live).collect();
        entries.sort_by(|a, b| b.cmp(a));
        entries.into_iter()
    }

    /// Notes a login. Those that are one too many end with it for good, so that none of
    /// them comes back when a newer one is over; those that are `over` make room first.
    #[must_use]
    pub fn login(&self, entry: &Entry, sessions_max: usize, over: &[Key], now_ms: u64) -> Changes {
        let past = self.sessions.values().filter(|held| held.key == entry.key || held.deadline_ms <= now_ms);
        let is_other = |held: &&Entry| held.key != entry.key && !over.contains(&held.key);
        let mut ended = beyond(self.newest_first(now_ms).filter(is_other), sessions_max, 1);
        ended.extend(over.iter().map(|key| member_of(key, BY_SESSIONS_MAX)));
        changed([
            (SESSIONS, vec![entry.encode()], past.filter(|held| *held != entry).map(Entry::encode).collect()),
            (ENDED, ended, Vec::new()),
        ])
    }

    /// Forgets a session that has ended; none if it was not listed. As with a login,
    /// those that were one too many end for good.
    #[must_use]
    pub fn forget(&self, key: &Key, sessions_max: usize, now_ms: u64) -> Option<Changes> {
        let entry = self.sessions.get(key)?;
        Some(changed([
            (SESSIONS, Vec::new(), vec![entry.encode()]),
            (ENDED, beyond(self.newest_first(now_ms), sessions_max, 0), Vec::new()),
        ]))
    }

    /// Ends one session. As with a login, those that were one too many end for good.
    #[must_use]
    pub fn end(&self, key: &Key, reason: &str, sessions_max: usize, now_ms: u64) -> Changes {
        let mut ended = beyond(self.newest_first(now_ms), sessions_max, 0);
        ended.retain(|member| !member.starts_with(&key.0));
        ended.push(member_of(key, reason.as_bytes()));
        changed([(ENDED, ended, Vec::new())])
    }

    /// Ends those for good that are one too many, now that somebody is told that one of
    /// them is over: else it would come back with another limit, or when a newer one is over.
    #[must_use]
    pub fn settle(&self, sessions_max: usize, now_ms: u64) -> Changes {
        changed([(ENDED, beyond(self.newest_first(now_ms), sessions_max, 0), Vec::new())])
    }

    /// Ends all sessions, those that no node here has heard of included; or all but one.
    /// `logout` is drawn for it and never used again. Those that are listed here leave
    /// the list, so that they take no places.
    #[must_use]
    pub fn log_out_everywhere(&self, logout: [u8; 16], kept: Option<&Key>) -> Changes {
        let logout = Bytes::copy_from_slice(&logout);
        let ended = self.sessions.values().filter(|entry| Some(&entry.key) != kept);
        let ended = ended.map(Entry::encode).collect();
        // By name: it spares the session from this very logout and no other.
        let mut kept: Vec<Bytes> = kept.map(|key| member_of(key, &logout)).into_iter().collect();
        if planted!(LogoutEverywhereEndsOne) {
            kept.extend(self.sessions.keys().skip(1).map(|key| member_of(key, &logout)));
        }
        changed([
            (LOGOUTS, vec![logout], Vec::new()),
            (KEPT, kept, Vec::new()),
            (SESSIONS, Vec::new(), ended),
        ])
    }

    /// Adds whose sessions they end, if the changes end any.
    #[must_use]
    pub fn named(mut changes: Changes, principal: &str) -> Changes {
        let is_end = |change: &SetChange| [LOGOUTS, ENDED].contains(&&*change.name);
        if changes.change_sets.iter().any(is_end) {
            let bytes = Bytes::copy_from_slice(principal.as_bytes());
            changes.set_attributes = vec![(NAME.into(), Value { kind: ValueKind::Text, bytes })];
        }
        changes
    }
}

/// The logouts everywhere that a record holds.
pub(super) fn logouts(body: &Body) -> impl Iterator<Item = &Bytes> {
    set(body, LOGOUTS).into_iter().flatten().map(|(logout, _)| logout)
}

/// Sessions that were spared, each by a logout.
fn kept(body: &Body) -> impl Iterator<Item = (Key, &[u8])> {
    set(body, KEPT).into_iter().flatten().filter_map(|(member, _)| key_of(member))
}

/// The session that a logout has spared.
pub(super) fn kept_by(body: &Body, logout: &Bytes) -> Option<Key> {
    kept(body).find(|(_, of)| of == logout).map(|(key, _)| key)
}

/// The sessions that were ended one by one, and why.
pub(super) fn ended_by_name(body: &Body) -> Vec<(Key, Arc<str>)> {
    let ended = set(body, ENDED).into_iter().flatten().filter_map(|(member, _)| key_of(member));
    ended.map(|(key, reason)| (key, String::from_utf8_lossy(reason).into())).collect()
}

/// Whose record a write names, and when it was made, in milliseconds since the Unix epoch.
pub(super) fn name_in(body: &Body, dot: Dot) -> Option<(Arc<str>, u64)> {
    let write = body.attributes.get(NAME)?.writes().iter().find(|write| write.dot == dot)?;
    let name = write.value.as_ref().map(|value| String::from_utf8_lossy(&value.bytes).into());
    Some((name?, write.hlc >> 16))
}

fn set<'a>(body: &'a Body, name: &str) -> Option<&'a Members> {
    body.sets.get(name)
}

fn member_of(key: &Key, rest: &[u8]) -> Bytes {
    [&key.0[..], rest].concat().into()
}

fn key_of(member: &[u8]) -> Option<(Key, &[u8])> {
    let (key, reason) = member.split_first_chunk::<16>()?;
    Some((Key(*key), reason))
}

/// Members that end the sessions beyond the most that may be, `taken` places being taken already.
fn beyond<'a>(
    newest_first: impl Iterator<Item = &'a Entry>,
    sessions_max: usize,
    taken: usize,
) -> Vec<Bytes> {
    let victims = newest_first.skip(sessions_max.saturating_sub(taken)).filter(|_| sessions_max > 0);
    victims.map(|victim| member_of(&victim.key, BY_SESSIONS_MAX)).collect()
}

fn changed<const N: usize>(changes: [(&str, Vec<Bytes>, Vec<Bytes>); N]) -> Changes {
    let some = changes.into_iter().filter(|(_, add, remove)| !add.is_empty() || !remove.is_empty());
    let change_sets = some.map(|(name, add, remove)| SetChange { name: name.into(), add, remove });
    Changes { change_sets: change_sets.collect(), ..Changes::default() }
}

#[cfg(test)]
mod tests;
