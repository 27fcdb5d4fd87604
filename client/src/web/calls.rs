//! The calls to nodes that a web session is made of.

use super::config::{SessionConfig, WriteLevel};
use super::cookie::Content;
use super::state::Live;
use crate::client::Client;
use crate::error::Error;
use crate::model::{CausalToken, Changes, Created, Read, Rotated, Updated};
use crate::runtime;

/// Why the session was revoked in which another principal has logged in.
const REPLACED: &str = "replaced";
/// Why a session that nobody was told of was revoked.
const UNUSED: &str = "unused";
const LOGOUT: &str = "logout";

/// What there is of a session that a cookie names.
pub(super) enum Found {
    Live(Box<Read>),
    /// Unknown or expired.
    Nothing,
    /// Revoked, or under another id.
    Ended,
    /// Its id was replaced a moment ago, and the new one may not have reached the browser.
    Superseded,
}

/// A call at a level; what is none is left to the namespace's policy.
macro_rules! at_level {
    ($call:expr, $level:expr) => {{
        let (mut call, level): (_, WriteLevel) = ($call, $level);
        if let Some(consistency) = level.consistency {
            call = call.consistency(consistency);
        }
        if let Some(durability) = level.durability {
            call = call.durability(durability);
        }
        call
    }};
}

/// A client and how sessions are to be kept with it.
#[derive(Clone)]
pub(super) struct Calls {
    pub(super) client: Client,
    pub(super) config: std::sync::Arc<SessionConfig>,
}

impl Calls {
    /// Reads what a cookie names. If what its token names does not arrive in
    /// time, what the region has is good enough; but a session that it has never
    /// heard of may be one that is still on its way, so that is an error.
    pub(super) async fn find(&self, content: &Content) -> Result<Found, Error> {
        let get = || self.client.get(&self.config.namespace, &content.id);
        if content.token.as_bytes().is_empty() {
            return self.found(get().await);
        }
        match get().after(&content.token).timeout_ms(self.config.token_wait_ms).await {
            // The token is not one of this cluster.
            Err(Error::InvalidArgument(_)) => self.found(get().await),
            Err(late) if may_come_late(&late) => match get().await {
                Err(Error::NotFound) => Err(late),
                outcome => self.found(outcome),
            },
            outcome => self.found(outcome),
        }
    }

    fn found(&self, outcome: Result<Read, Error>) -> Result<Found, Error> {
        match outcome {
            Ok(read) => Ok(Found::Live(Box::new(read))),
            Err(error) if self.is_superseded(&error) => Ok(Found::Superseded),
            Err(Error::NotFound | Error::InvalidArgument(_)) => Ok(Found::Nothing),
            Err(Error::Revoked(_) | Error::Rotated(_)) => Ok(Found::Ended),
            Err(error) => Err(error),
        }
    }

    /// Whether the id was replaced so short a time ago that the new one may not have
    /// reached the browser.
    pub(super) fn is_superseded(&self, error: &Error) -> bool {
        let at = match error {
            Error::AlreadyRotated(_) => return true,
            Error::Rotated(details) => details.metadata.get("rotated_at_ms"),
            Error::Revoked(details) => {
                let reason = details.metadata.get("revoke_reason");
                details.metadata.get("revoked_at_ms").filter(|_| reason.is_some_and(|it| it == REPLACED))
            }
            _ => None,
        };
        let at_ms = at.and_then(|at| at.parse().ok()).unwrap_or(0_u64);
        runtime::wall_ms() < at_ms.saturating_add(self.config.rotation_grace_ms.into())
    }

    /// Makes a session; the node mints its id.
    pub(super) async fn create(&self, changes: Changes, level: WriteLevel) -> Result<Live, Error> {
        let call = at_level!(self.client.create(&self.config.namespace).changes(changes), level);
        let call = match self.config.idle_timeout_ms {
            Some(timeout_ms) => call.idle_timeout_ms(timeout_ms),
            None => call,
        };
        let call = match self.config.absolute_timeout_ms {
            Some(timeout_ms) => call.absolute_timeout_ms(timeout_ms),
            None => call,
        };
        let Created { id, session, token, .. } = call.await?;
        Ok(Live { id, token, session, id_replaced: false })
    }

    /// Changes a session that this request has read, wherever it was read: the
    /// token keeps a replica that has not heard of it from saying that it is unknown.
    pub(super) async fn update(&self, content: &Content, changes: Changes) -> Result<CausalToken, Error> {
        let call = self.client.update(&self.config.namespace, &content.id, changes).touch();
        let Updated { token, .. } = at_level!(call.after(&content.token), self.config.save).await?;
        Ok(token)
    }

    /// Keeps a session alive, or gives up soon: the next request tries again.
    pub(super) async fn touch(&self, content: &Content) -> Result<(), Error> {
        let call = self.client.touch(&self.config.namespace, &content.id).after(&content.token);
        call.timeout_ms(self.config.token_wait_ms).await.map(drop)
    }

    /// Ends a session as a logout does; one that has ended already is no error.
    pub(super) async fn log_out(&self, content: &Content) -> Result<(), Error> {
        match self.revoke(content, LOGOUT).await {
            Err(Error::NotFound | Error::Revoked(_)) => Ok(()),
            outcome => outcome,
        }
    }

    /// Gives a session another id, and changes it, as one: a log-in, after which the old id is dead.
    pub(super) async fn rotate_at_login(&self, old: &Content, changes: Changes) -> Result<Rotated, Error> {
        let call = self.client.rotate(&self.config.namespace, &old.id).changes(changes).touch();
        at_level!(call.after(&old.token), self.config.login).return_session().await
    }

    /// Gives a session another id, and changes it, as one; requests with the old id are served
    /// until its grace ends.
    pub(super) async fn rotate(&self, old: &Content, changes: Changes) -> Result<Rotated, Error> {
        let call = self.client.rotate(&self.config.namespace, &old.id).changes(changes).touch();
        at_level!(call.after(&old.token), self.config.save).grace_ms(self.config.rotation_grace_ms).await
    }

    /// Makes a session and ends one of another principal. The new id is told only
    /// when the old session is over: its end is written, or was before.
    pub(super) async fn replace(&self, old: Option<&Content>, changes: Changes) -> Result<Live, Error> {
        let new = self.create(changes, self.config.login).await?;
        let Some(old) = old else { return Ok(new) };
        match self.revoke(old, REPLACED).await {
            // Applied by some replica, and final from there on.
            Ok(()) | Err(Error::Partial(_)) => Ok(new),
            Err(error) if error.is_gone() => Ok(new),
            Err(error) => {
                let unused = Content { id: new.id, token: new.token };
                // If this fails, too, the session expires without anybody having seen its id.
                let _ = self.revoke(&unused, UNUSED).await;
                Err(error)
            }
        }
    }

    async fn revoke(&self, content: &Content, reason: &str) -> Result<(), Error> {
        let call = self.client.revoke(&self.config.namespace, &content.id, reason).after(&content.token);
        at_level!(call, self.config.logout).await.map(drop)
    }
}

/// Whether a read that waited for nothing might do better.
fn may_come_late(error: &Error) -> bool {
    matches!(error, Error::NotYet(_) | Error::DeadlineExceeded) || error.is_retryable()
}
