//! What one request knows of its session and wants of it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::cookie::{Content, Shown};
use super::error::NotSaved;
use crate::model::{CausalToken, Changes, Session, SessionId, Value};

/// A session as this request last saw it.
pub(super) struct Live {
    pub(super) id: SessionId,
    pub(super) token: CausalToken,
    pub(super) session: Session,
    /// The id is accepted only for a grace: its successor is on its way to the browser,
    /// and this request must not get in its way.
    pub(super) id_replaced: bool,
}

impl Live {
    /// What a cookie says of it.
    pub(super) fn content(&self) -> Content {
        Content { id: self.id.clone(), token: self.token.clone() }
    }
}

/// Which session the request is about.
pub(super) enum Current {
    /// None: a new visitor.
    Nobody,
    /// The one that a cookie names; nothing is known of it yet.
    Named(Content),
    Live(Box<Live>),
    /// One that a log-in ended a moment ago: its successor's cookie is on its
    /// way to the browser, and this request must not get in its way.
    Superseded,
}

/// What the response does with the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CookieChange {
    Keep,
    Set,
    Remove,
}

pub(super) struct State {
    pub(super) current: Current,
    /// What the request changed and has not written yet.
    pub(super) pending: Changes,
    pub(super) cookie: CookieChange,
    pub(super) not_saved: Option<NotSaved>,
    /// The response has been made.
    pub(super) closed: bool,
}

impl State {
    pub(super) fn new(shown: Option<Shown>) -> Self {
        let outdated = shown.as_ref().is_some_and(|shown| shown.outdated);
        Self {
            current: shown.map_or(Current::Nobody, |shown| Current::Named(shown.content)),
            pending: Changes::new(),
            cookie: if outdated { CookieChange::Set } else { CookieChange::Keep },
            not_saved: None,
            closed: false,
        }
    }

    /// What was read; None for a new visitor.
    pub(super) fn session(&self) -> Option<&Session> {
        match &self.current {
            Current::Live(live) => Some(&live.session),
            _ => None,
        }
    }

    /// An attribute with what the request changed.
    pub(super) fn attribute(&self, name: &str) -> Option<&Value> {
        let held = || self.session().and_then(|session| session.attributes.get(name));
        self.pending.attribute(name).unwrap_or_else(held)
    }

    /// A counter with what the request added.
    pub(super) fn counter(&self, name: &str) -> i64 {
        let held = self.session().map_or(0, |session| session.counter(name));
        held.saturating_add(self.pending.added_to(name))
    }

    /// A set with what the request changed.
    pub(super) fn members(&self, set: &str) -> BTreeSet<Bytes> {
        let held = self.session().and_then(|session| session.sets.get(set));
        let mut members = held.cloned().unwrap_or_default();
        for (member, added) in self.pending.members_of(set) {
            if added {
                members.insert(member.clone())
            } else {
                members.remove(member)
            };
        }
        members
    }

    /// All attributes with what the request changed.
    pub(super) fn attributes(&self) -> BTreeMap<String, Value> {
        let attributes = self.session().map(|session| session.attributes.clone()).unwrap_or_default();
        let mut session = Session { attributes, ..Session::default() };
        self.pending.apply_to(&mut session);
        session.attributes
    }

    /// What a cookie would say now.
    pub(super) fn content(&self) -> Option<Content> {
        match &self.current {
            Current::Named(content) => Some(content.clone()),
            Current::Live(live) => Some(live.content()),
            Current::Nobody | Current::Superseded => None,
        }
    }

    /// Goes on with a session that was just made.
    pub(super) fn begin(&mut self, live: Live) {
        (self.current, self.cookie) = (Current::Live(Box::new(live)), CookieChange::Set);
    }

    /// Whether the response may set the cookie.
    pub(super) fn owns_the_cookie(&self) -> bool {
        !matches!(&self.current, Current::Live(live) if live.id_replaced)
    }

    /// The session is over: the browser should forget it.
    pub(super) fn end(&mut self) {
        (self.current, self.cookie) = (Current::Nobody, CookieChange::Remove);
    }

    /// A log-in elsewhere has replaced the id.
    pub(super) fn supersede(&mut self) {
        (self.current, self.cookie) = (Current::Superseded, CookieChange::Keep);
    }
}
