//! A session as a CRDT: one type for full states and fragments, one merge for both.

use bytes::Bytes;

use super::birth::Birth;
use super::body::Body;
use super::codec::{DecodeError, DecodeLimits};
use super::revocation::Revocation;
use super::stamp::Stamp;

/// A session's state, or a fragment of it that holds only what changed.
///
/// `merge` is commutative, associative and idempotent, so fragments may come in
/// any order, be lost and repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What was settled at creation.
    pub birth: Birth,
    /// False for a fragment that cannot stand for the session. Always true of one that was
    /// revoked or has lapsed.
    pub complete: bool,
    /// Live or revoked.
    pub root: Root,
}

/// Live, or revoked for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// It has content.
    Live(Body),
    /// It ended, and its content is gone.
    Revoked(Revocation),
}

/// Whether a session may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It may.
    Live,
    /// Only fragments of it are here: fetch the full state first.
    Partial,
    /// Its time is over.
    Expired,
    /// It was ended.
    Revoked,
}

impl Session {
    /// A new session, complete, last seen at its creation.
    #[must_use]
    pub fn new(birth: Birth) -> Self {
        let body = Body { last_seen_ms: birth.created.wall_ms(), ..Body::default() };
        Self { birth, complete: true, root: Root::Live(body) }
    }

    /// An empty fragment of this session, to put changes into.
    #[must_use]
    pub fn fragment(&self, body: Body) -> Self {
        Self { birth: self.birth.clone(), complete: false, root: Root::Live(body) }
    }

    /// This session's end; also the fragment to send.
    #[must_use]
    pub fn revoked(&self, revocation: Revocation) -> Self {
        Self { birth: self.birth.clone(), complete: true, root: Root::Revoked(revocation) }
    }

    /// This session after it was ended for lying idle since `last_seen_ms`; also the fragment to send.
    ///
    /// It stays expired, whatever use of it comes later, and its content is gone.
    #[must_use]
    pub fn lapsed(&self, last_seen_ms: u64, stamp: Stamp) -> Self {
        let root = Root::Live(Body::lapsed(last_seen_ms, stamp));
        Self { birth: self.birth.clone(), complete: true, root }
    }

    /// True if its content is gone for ever.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.body().is_none_or(|body| body.lapsed.is_some())
    }

    /// The content, if it is not revoked.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        match &self.root {
            Root::Live(body) => Some(body),
            Root::Revoked(_) => None,
        }
    }

    /// What encoded states of the same session say together; none if there are none.
    ///
    /// # Errors
    /// [`DecodeError`] if one of them is beyond the limits or malformed.
    pub fn merged<'a>(
        states: impl IntoIterator<Item = &'a Bytes>,
        limits: &DecodeLimits,
    ) -> Result<Option<Self>, DecodeError> {
        let mut merged: Option<Self> = None;
        for state in states {
            let state = Self::decode(state, limits)?;
            match &mut merged {
                Some(merged) => merged.merge(state),
                None => merged = Some(state),
            }
        }
        Ok(merged)
    }

    /// Joins a state or fragment of the same session.
    pub fn merge(&mut self, other: Self) {
        self.birth.merge(other.birth);
        self.complete |= other.complete;
        match (&mut self.root, other.root) {
            (Root::Live(mine), Root::Live(theirs)) => mine.merge(theirs),
            (Root::Revoked(mine), Root::Revoked(theirs)) => mine.merge(theirs),
            (Root::Live(_), revoked @ Root::Revoked(_)) => self.root = revoked,
            (Root::Revoked(mine), Root::Live(theirs))
                if planted!(LaterUseBeatsRevocation) && theirs.last_seen_ms > mine.stamp.wall_ms() =>
            {
                self.root = Root::Live(theirs);
            }
            (Root::Revoked(_), Root::Live(_)) => {}
        }
    }

    /// Whether it may be served at `now_ms`, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn liveness(&self, now_ms: u64) -> Liveness {
        Judged {
            revoked: matches!(self.root, Root::Revoked(_)),
            lapsed: self.body().is_some_and(|body| body.lapsed.is_some()),
            complete: self.complete,
            absolute_deadline_ms: self.birth.absolute_deadline_ms,
            expires_at_ms: self.expires_at_ms(),
        }
        .at(now_ms)
    }

    /// When it ends if it is not used again, in milliseconds since the Unix
    /// epoch. Of a revoked session: its absolute deadline, until when the
    /// revocation must be kept.
    #[must_use]
    pub fn expires_at_ms(&self) -> u64 {
        match &self.root {
            Root::Live(body) => {
                expires_at_ms(self.birth.absolute_deadline_ms, self.birth.idle_timeout_ms, body.last_seen_ms)
            }
            Root::Revoked(_) => self.birth.absolute_deadline_ms,
        }
    }
}

pub(crate) fn expires_at_ms(absolute_deadline_ms: u64, idle_timeout_ms: u64, last_seen_ms: u64) -> u64 {
    absolute_deadline_ms.min(last_seen_ms.saturating_add(idle_timeout_ms))
}

/// What a session's liveness depends on.
pub(crate) struct Judged {
    pub(crate) revoked: bool,
    pub(crate) lapsed: bool,
    pub(crate) complete: bool,
    pub(crate) absolute_deadline_ms: u64,
    pub(crate) expires_at_ms: u64,
}

impl Judged {
    pub(crate) fn at(&self, now_ms: u64) -> Liveness {
        if self.revoked {
            Liveness::Revoked
        } else if self.lapsed || now_ms >= self.absolute_deadline_ms {
            Liveness::Expired
        } else if !self.complete && !planted!(PartialIsServed) {
            // Its last use may be elsewhere, so only the absolute deadline can be judged here.
            Liveness::Partial
        } else if now_ms >= self.expires_at_ms && !planted!(IdleIsNotJudged) {
            Liveness::Expired
        } else {
            Liveness::Live
        }
    }
}
