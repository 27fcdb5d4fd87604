//! What a handler sees.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::WebError;
use super::shared::Shared;
use super::typed;
use crate::model::{Auth, Value};

/// The session of one request, from [`SessionLayer`](super::SessionLayer). Clones share it; an
/// axum handler takes it as an argument, others from the request's extensions.
///
/// - Nothing is asked of a node before the first read, and a visitor who writes
///   nothing gets no session and no cookie.
/// - What the handler changes is kept here and written as one when it has made its
///   response: only what differs from what was read, so that requests at the
///   same time keep each other's changes. A response of 500 and above writes nothing.
/// - A session that has ended meanwhile is not made anew: see [`OnEnded`](super::OnEnded).
/// - Two requests of a new visitor at the same time make a session each; the
///   browser keeps the one whose response comes last, the other expires.
/// - What is changed while the body of a response is being sent is refused.
#[derive(Clone)]
pub struct WebSession(pub(super) Arc<Shared>);

impl WebSession {
    /// Reads an attribute; None if it is not there.
    ///
    /// # Errors
    /// The session cannot be read, or the attribute is not a `T` as JSON.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, WebError> {
        self.0.load().await?;
        let state = self.0.state();
        state.attribute(name).map(|value| typed::decode(name, value)).transpose()
    }

    /// Writes an attribute as JSON, when the response is made.
    ///
    /// # Errors
    /// `value` cannot be written as JSON, or the response has been made.
    pub fn insert<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), WebError> {
        let text = serde_json::to_string(value).map_err(|_| WebError::encode(name))?;
        self.0.change(|changes| changes.set(name, Value::Json(text)))
    }

    /// Removes an attribute, when the response is made; one that is not there is no error.
    ///
    /// # Errors
    /// The response has been made.
    pub fn remove(&self, name: &str) -> Result<(), WebError> {
        self.0.change(|changes| changes.remove(name))
    }

    /// Reads all attributes as one struct, one attribute a field. A new visitor
    /// has none, so `T` should have `#[serde(default)]`; it must not have
    /// `#[serde(deny_unknown_fields)]`, since attributes of others are there as well.
    ///
    /// # Errors
    /// The session cannot be read, or its attributes do not make a `T`.
    pub async fn data<T: DeserializeOwned>(&self) -> Result<T, WebError> {
        self.0.load().await?;
        let attributes = self.0.state().attributes();
        typed::from_attributes(&attributes)
    }

    /// Reads all attributes as one struct, as [`WebSession::data`] does, lets `change` change it,
    /// and writes the fields that it did change, when the response is made. A
    /// field that becomes `None`, or that is no longer serialised, is removed.
    ///
    /// # Errors
    /// As [`WebSession::data`]; `T` does not serialise to a struct; or the response has been made.
    pub async fn update<T, R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, WebError>
    where
        T: Serialize + DeserializeOwned,
    {
        let mut data: T = self.data().await?;
        let before = typed::fields(&data)?;
        let result = change(&mut data);
        let after = typed::fields(&data)?;
        self.0.change(|changes| typed::difference(changes, &before, after))?;
        Ok(result)
    }

    /// Reads a counter; one that nobody has added to is 0.
    ///
    /// # Errors
    /// The session cannot be read.
    pub async fn counter(&self, name: &str) -> Result<i64, WebError> {
        self.0.load().await?;
        Ok(self.0.state().counter(name))
    }

    /// Adds to a counter, when the response is made; a negative amount
    /// subtracts. Additions of requests at the same time add up.
    ///
    /// # Errors
    /// The response has been made.
    pub fn add(&self, counter: &str, amount: i64) -> Result<(), WebError> {
        self.0.change(|changes| changes.add(counter, amount))
    }

    /// Reads the members of a set.
    ///
    /// # Errors
    /// The session cannot be read.
    pub async fn members(&self, set: &str) -> Result<BTreeSet<Bytes>, WebError> {
        self.0.load().await?;
        Ok(self.0.state().members(set))
    }

    /// Adds a member to a set, when the response is made.
    ///
    /// # Errors
    /// The response has been made.
    pub fn add_member(&self, set: &str, member: impl Into<Bytes>) -> Result<(), WebError> {
        self.0.change(|changes| changes.add_member(set, member))
    }

    /// Removes a member from a set, when the response is made.
    ///
    /// # Errors
    /// The response has been made.
    pub fn remove_member(&self, set: &str, member: impl Into<Bytes>) -> Result<(), WebError> {
        self.0.change(|changes| changes.remove_member(set, member))
    }

    /// Reads who has logged in, if anybody has.
    ///
    /// # Errors
    /// The session cannot be read.
    pub async fn auth(&self) -> Result<Option<Auth>, WebError> {
        self.0.load().await?;
        let auth = self.0.state().session().and_then(|session| session.auth.clone());
        Ok(auth.filter(|auth| !auth.principal.is_empty()))
    }

    /// Writes what was changed so far, now, for a handler that wants to know that
    /// it is kept before it goes on. A change is not written twice.
    ///
    /// # Errors
    /// The changes are not, or not certainly, written: nor will they be, and a
    /// response that does not say so is replaced by an error.
    pub async fn save(&self) -> Result<(), WebError> {
        self.0.save().await
    }

    /// Logs a principal in, at once: gives the session a new id, and with it the
    /// login, so that an id from before a log-in is worth nothing. Call it
    /// also when a principal proves more of itself (a higher level).
    ///
    /// The session keeps its content, with what other requests and regions write to it
    /// meanwhile, and its absolute deadline. One that was another principal's is ended,
    /// and a new one made.
    ///
    /// Requests that came with the old id and are still under way find it dead.
    /// For a while, `rotation_grace_ms`, they read nothing, are refused if they
    /// wrote something (409), and leave the cookie alone, so that none of them takes the
    /// new id away from the browser. Of two log-ins at the same time, both succeed: one gets
    /// the session, the other a copy of its own, and the browser keeps the one whose
    /// response comes last.
    ///
    /// # Errors
    /// The session is as it was before, or it is not certain that it has ended:
    /// then nobody is logged in, and a response that does not say so is replaced by an error.
    /// With [`Error::Partial`](crate::Error::Partial) the log-in is made, and the browser
    /// gets the new id, but fewer replicas than the level asks for have confirmed it.
    pub async fn log_in(&self, auth: Auth) -> Result<(), WebError> {
        self.0.log_in(auth).await
    }

    /// Logs out, at once: ends the session for ever, in every region, and removes
    /// the cookie. What the request changed is dropped. Without a session it does nothing.
    ///
    /// The cookie carries a causal token, so a session that this region has not
    /// heard of yet is waited for. Without it (`token_bytes_max` 0) such a session
    /// counts as expired.
    ///
    /// # Errors
    /// It is not certain that the session has ended. The cookie is removed even so,
    /// and a response that is not an error is replaced by one (503), so
    /// that nobody believes in a logout that was not made. [`WebError::Superseded`]: a log-in has just
    /// replaced the id; the browser's next request has the new one, and can log out.
    pub async fn log_out(&self) -> Result<(), WebError> {
        self.0.log_out().await
    }
}

impl fmt::Debug for WebSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebSession(..)")
    }
}
