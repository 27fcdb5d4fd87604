//! What a request's changes come to.

use super::config::SessionConfig;
use super::cookie::Content;
use super::error::{NotSaved, WebError};
use super::state::{Current, Live, State};
use crate::error::Error;
use crate::model::{Auth, Changes};
use crate::runtime;

/// What is left to do for a session when the request is over.
pub(super) enum Work {
    Nothing,
    Create(Changes),
    Update(Content, Changes),
    /// Another id, and changes with it.
    Rotate(Content, Changes),
    Touch(Content),
}

/// What a log-in comes to.
pub(super) enum LogIn {
    /// A new session, and the end of the old one if there is one.
    Begin(Option<Content>, Changes),
    /// The session goes on under another id.
    GoOn {
        content: Content,
        /// What is new.
        changes: Changes,
        /// All of it, for a session of its own.
        copy: Box<Changes>,
    },
}

impl State {
    pub(super) fn named(&self) -> Option<Content> {
        match &self.current {
            Current::Named(content) => Some(content.clone()),
            _ => None,
        }
    }

    /// What went wrong before stays wrong: nothing is written behind it.
    pub(super) fn refusal(&self) -> Option<WebError> {
        match self.not_saved? {
            NotSaved::Ended => Some(WebError::Ended),
            NotSaved::Superseded => Some(WebError::Superseded),
            NotSaved::Unwritten | NotSaved::NotLoggedOut => {
                Some(WebError::Client(Error::unavailable("an earlier write of this request failed")))
            }
        }
    }

    /// Takes what is pending.
    pub(super) fn work(&mut self, config: &SessionConfig) -> Result<Work, WebError> {
        let pending = std::mem::take(&mut self.pending);
        match &self.current {
            Current::Superseded if pending.is_empty() => Ok(Work::Nothing),
            Current::Superseded => Err(WebError::Superseded),
            Current::Named(_) => Ok(Work::Nothing),
            Current::Nobody => {
                let changes = pending.beyond(&Default::default());
                Ok(if changes.is_empty() { Work::Nothing } else { Work::Create(changes) })
            }
            Current::Live(live) => {
                let content = live.content();
                let changes = pending.beyond(&live.session);
                Ok(match changes.is_empty() {
                    _ if live.is_rotation_due(config.rotate_after_ms) => Work::Rotate(content, changes),
                    false => Work::Update(content, changes),
                    true if live.is_touch_due(config.touch_after_percent) => Work::Touch(content),
                    true => Work::Nothing,
                })
            }
        }
    }

    /// What a log-in writes. A session of another principal is not gone on with.
    pub(super) fn for_login(&mut self, auth: Auth) -> LogIn {
        let pending = std::mem::take(&mut self.pending);
        let Current::Live(live) = &self.current else { return LogIn::Begin(None, pending.auth(auth)) };
        let content = live.content();
        if live.session.principal().is_some_and(|principal| principal != auth.principal) {
            let mut session = Default::default();
            pending.apply_to(&mut session);
            return LogIn::Begin(Some(content), Changes::content_of(&session).auth(auth));
        }
        let mut session = live.session.clone();
        pending.apply_to(&mut session);
        let copy = Changes::content_of(&session).auth(auth.clone());
        LogIn::GoOn { content, changes: pending.beyond(&live.session).auth(auth), copy: Box::new(copy) }
    }
}

impl Live {
    /// Whether the id is so old that it should be replaced. While another one is on its
    /// way to the browser it is not.
    fn is_rotation_due(&self, after_ms: Option<u64>) -> bool {
        let since_ms = self.session.rotated_at_ms.max(self.session.created_at_ms);
        let age_ms = runtime::wall_ms().saturating_sub(since_ms);
        !self.id_replaced && after_ms.is_some_and(|after_ms| age_ms >= after_ms)
    }

    /// Whether the stated share of the idle time-out has gone by since the last use.
    fn is_touch_due(&self, touch_after_percent: u8) -> bool {
        let idle_ms = runtime::wall_ms().saturating_sub(self.session.last_seen_ms);
        let share_ms = self.session.idle_timeout_ms.saturating_mul(touch_after_percent.into()) / 100;
        self.session.last_seen_ms > 0 && idle_ms >= share_ms
    }
}
