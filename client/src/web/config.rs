//! How web sessions are kept.

use super::cookie::CookieConfig;
use crate::config::{ConfigError, check};
use crate::model::{Consistency, Durability};

const TOKEN_WAIT_MS_MAX: u32 = 60_000;
const ROTATION_GRACE_MS_MAX: u32 = 600_000;

/// How many replicas must have a write, and how durably, before the answer. What is none
/// is as the namespace's policy says; if that says nothing: one replica, buffered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteLevel {
    /// How many replicas.
    pub consistency: Option<Consistency>,
    /// When it is on the disk of the node that answers.
    pub durability: Option<Durability>,
}

/// What becomes of a response whose request wrote to a session that was ended meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEnded {
    /// It is replaced by an empty one: 401 after a logout or an expiry, 409 if a
    /// log-in gave the session a new id. Whoever asked learns that nothing was kept.
    #[default]
    Refuse,
    /// It is passed on as it is, with [`NotSaved`](super::NotSaved) among its extensions.
    PassOn,
}

/// How web sessions are kept. Every field but the namespace has a default; set fields directly.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The namespace: 1 to 64 characters of `[a-z0-9_.-]`.
    pub namespace: String,
    /// The cookie.
    pub cookie: CookieConfig,
    /// How long a session may lie idle, in milliseconds, at least 1. Default: what the
    /// namespace's policy says, else the nodes'.
    pub idle_timeout_ms: Option<u64>,
    /// How long a session may live, in milliseconds, at least 1. Default: what the
    /// namespace's policy says, else the nodes'.
    pub absolute_timeout_ms: Option<u64>,
    /// A request that only read touches its session once this share of the idle
    /// time-out, in percent, has gone by since the last use; 1 to 90. Default 10:
    /// a session lives at least nine tenths of its idle time-out after it was
    /// last read. Writes always touch.
    pub touch_after_percent: u8,
    /// How long a read waits for what the cookie's causal token names, in
    /// milliseconds, 1 to 60 000. Default 500. After that the request is served
    /// with what the region has; if it has nothing of the session, reading fails.
    pub token_wait_ms: u32,
    /// For how long an old id means that a new one is on its way to the browser, in
    /// milliseconds, at most 600 000. Default 60 000. After a log-in a request that comes
    /// with the old one neither reads nor writes: see [`WebSession::log_in`](super::WebSession::log_in).
    /// After a routine rotation it is served as ever. Neither touches the cookie.
    pub rotation_grace_ms: u32,
    /// How old an id may get before a request that uses its session is given another
    /// one, in milliseconds; more than `rotation_grace_ms`. Default: it lives as long as
    /// the session, unless somebody logs in. A browser that misses the response with
    /// the new id is logged out when the grace ends.
    pub rotate_after_ms: Option<u64>,
    /// What becomes of a response whose session was ended meanwhile. Default: 401.
    pub on_ended: OnEnded,
    /// How changes are saved. Default: as the namespace's policy says.
    pub save: WriteLevel,
    /// How a log-in is written. Default: synced, and by as many replicas as the namespace's
    /// policy says; without one by one, so that log-ins work as long as one node does. The end of another principal's session is written as a
    /// logout, but one that too few replicas confirmed is taken: it spreads.
    pub login: WriteLevel,
    /// How a session is ended. Default: a majority of the region's replicas,
    /// synced: a logout that was answered survives the loss of any one node, and
    /// no cut between regions keeps users from logging out.
    pub logout: WriteLevel,
}

impl SessionConfig {
    /// Defaults for everything but the namespace.
    #[must_use]
    pub fn new(namespace: impl Into<String>) -> Self {
        let synced = WriteLevel { durability: Some(Durability::Synced), ..WriteLevel::default() };
        Self {
            namespace: namespace.into(),
            cookie: CookieConfig::default(),
            idle_timeout_ms: None,
            absolute_timeout_ms: None,
            touch_after_percent: 10,
            token_wait_ms: 500,
            rotation_grace_ms: 60_000,
            rotate_after_ms: None,
            on_ended: OnEnded::default(),
            save: WriteLevel::default(),
            login: synced,
            logout: WriteLevel { consistency: Some(Consistency::LocalQuorum), ..synced },
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field that has a value it must not have, and what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
        let namespace_ok = (1..=64).contains(&self.namespace.len()) && self.namespace.bytes().all(allowed);
        check("namespace", namespace_ok, "must be 1 to 64 characters of [a-z0-9_.-]")?;
        check("idle_timeout_ms", self.idle_timeout_ms != Some(0), "must be at least 1")?;
        check("absolute_timeout_ms", self.absolute_timeout_ms != Some(0), "must be at least 1")?;
        let share_ok = (1..=90).contains(&self.touch_after_percent);
        check("touch_after_percent", share_ok, "must be 1 to 90")?;
        let wait_ok = (1..=TOKEN_WAIT_MS_MAX).contains(&self.token_wait_ms);
        check("token_wait_ms", wait_ok, "must be 1 to 60000")?;
        let grace_ok = self.rotation_grace_ms <= ROTATION_GRACE_MS_MAX;
        check("rotation_grace_ms", grace_ok, "must be at most 600000")?;
        let grace_ms = u64::from(self.rotation_grace_ms);
        let rotate_ok = self.rotate_after_ms.is_none_or(|after_ms| after_ms > grace_ms);
        check("rotate_after_ms", rotate_ok, "must be more than rotation_grace_ms")?;
        self.cookie.validate()
    }
}
