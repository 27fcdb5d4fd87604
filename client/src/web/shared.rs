//! What the layer and the handlers of one request share.

use parking_lot::{Mutex, MutexGuard};

use super::calls::{Calls, Found};
use super::cookie::{Content, Shown};
use super::error::{NotSaved, WebError};
use super::state::{CookieChange, Current, Live, State};
use super::work::Work;
use crate::error::Error;
use crate::model::{Changes, Read, Rotated};
use crate::runtime;

/// One request's session.
pub(super) struct Shared {
    pub(super) calls: Calls,
    /// Held across calls to nodes, so that they come one after another.
    pub(super) turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

impl Shared {
    pub(super) fn new(calls: Calls, shown: Option<Shown>) -> Self {
        Self { calls, turn: tokio::sync::Mutex::default(), state: Mutex::new(State::new(shown)) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Changes what is to be written.
    pub(super) fn change(&self, change: impl FnOnce(Changes) -> Changes) -> Result<(), WebError> {
        let mut state = self.state();
        if state.closed {
            return Err(WebError::Closed);
        }
        state.pending = change(std::mem::take(&mut state.pending));
        Ok(())
    }

    /// Reads the session unless that was done.
    pub(super) async fn load(&self) -> Result<(), WebError> {
        let _turn = self.turn.lock().await;
        self.load_now().await.map(drop)
    }

    /// Whether the session turned out to have been ended, or its id to be dead.
    pub(super) async fn load_now(&self) -> Result<bool, WebError> {
        let Some(named) = self.state().named() else { return Ok(false) };
        let found = self.calls.find(&named).await?;
        let ended = matches!(found, Found::Ended);
        let mut state = self.state();
        match found {
            Found::Live(read) => {
                let Read { session, token, id_replaced, .. } = *read;
                let live = Live { id: named.id, token, session, id_replaced };
                state.current = Current::Live(Box::new(live));
            }
            Found::Nothing => state.current = Current::Nobody,
            Found::Ended => state.end(),
            Found::Superseded => state.supersede(),
        }
        Ok(ended)
    }

    /// Writes what the request changed so far.
    pub(super) async fn save(&self) -> Result<(), WebError> {
        let _turn = self.turn.lock().await;
        self.save_now().await
    }

    /// The last thing that happens to a request's session.
    pub(super) async fn finish(&self, failed: bool) {
        let _turn = self.turn.lock().await;
        let failed = failed || self.state().not_saved.is_some();
        if failed {
            // As if the request had not been made.
            drop(std::mem::take(&mut self.state().pending));
        } else if let Err(error) = self.save_now().await {
            tracing::warn!(%error, "a request's changes to its session were not kept");
        }
        self.state().closed = true;
    }

    async fn save_now(&self) -> Result<(), WebError> {
        if let Some(error) = self.state().refusal() {
            return Err(error);
        }
        let outcome = self.write().await;
        if let Err(error) = &outcome {
            let mut state = self.state();
            state.not_saved.get_or_insert(match error {
                WebError::Ended => NotSaved::Ended,
                WebError::Superseded => NotSaved::Superseded,
                _ => NotSaved::Unwritten,
            });
        }
        outcome
    }

    async fn write(&self) -> Result<(), WebError> {
        let changed = !self.state().pending.is_empty();
        // Nobody knows whether that was before this request began or after.
        if changed && self.load_now().await? {
            return Err(WebError::Ended);
        }
        let work = self.state().work(&self.calls.config)?;
        match work {
            Work::Nothing => Ok(()),
            Work::Create(changes) => {
                let made = self.calls.create(changes, self.calls.config.save).await;
                let live = self.or_keep_new_id(made).await?;
                self.state().begin(live);
                Ok(())
            }
            Work::Update(content, changes) => self.update(content, changes).await,
            Work::Rotate(content, changes) => self.rotate(content, changes).await,
            Work::Touch(content) => {
                self.touch(content).await;
                Ok(())
            }
        }
    }

    async fn update(&self, content: Content, changes: Changes) -> Result<(), WebError> {
        match self.calls.update(&content, changes.clone()).await {
            Ok(token) => {
                let mut state = self.state();
                if let Current::Live(live) = &mut state.current {
                    changes.apply_to(&mut live.session);
                    live.token = token;
                }
                let cookie = &self.calls.config.cookie;
                if cookie.token_bytes_max > 0 || cookie.max_age_s.is_some() {
                    state.cookie = CookieChange::Set;
                }
                Ok(())
            }
            Err(error) if error.is_gone() => Err(self.lost(&error)),
            Err(error) => Err(error.into()),
        }
    }

    async fn rotate(&self, content: Content, changes: Changes) -> Result<(), WebError> {
        let rotated = self.calls.rotate(&content, changes.clone()).await;
        match self.or_keep_new_id(rotated).await {
            Ok(Rotated { id, token, .. }) => {
                let mut state = self.state();
                if let Current::Live(live) = &mut state.current {
                    changes.apply_to(&mut live.session);
                    (live.id, live.token) = (id, token);
                    live.session.rotated_at_ms = runtime::wall_ms();
                }
                state.cookie = CookieChange::Set;
                Ok(())
            }
            // Another request was faster: its response carries the new id.
            Err(Error::AlreadyRotated(_)) => {
                if let Current::Live(live) = &mut self.state().current {
                    live.id_replaced = true;
                }
                if changes.is_empty() { Ok(()) } else { self.update(content, changes).await }
            }
            Err(error) if error.is_gone() => Err(self.lost(&error)),
            Err(error) if changes.is_empty() => {
                tracing::warn!(%error, "a session was not given another id");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A write that gave the session an id and is made, but not as widely as was asked for:
    /// the browser gets the id, since the one before may be dead.
    pub(super) async fn or_keep_new_id<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Partial(partial)) = &outcome
            && let Some(id) = partial.new_id.clone()
        {
            let content = Content { id, token: partial.token.clone() };
            if let Ok(Found::Live(read)) = self.calls.find(&content).await {
                let Read { session, token, id_replaced, .. } = *read;
                self.state().begin(Live { id: content.id, token, session, id_replaced });
            }
        }
        outcome
    }

    /// The session went while the request ran. It is not made anew: that would undo a logout.
    fn lost(&self, error: &Error) -> WebError {
        let mut state = self.state();
        if self.calls.is_superseded(error) {
            state.supersede();
            return WebError::Superseded;
        }
        state.end();
        WebError::Ended
    }

    /// What the request read was right when it was read, so nothing here makes it fail.
    async fn touch(&self, content: Content) {
        match self.calls.touch(&content).await {
            Ok(()) => {
                if self.calls.config.cookie.max_age_s.is_some() {
                    self.state().cookie = CookieChange::Set;
                }
            }
            Err(error) if error.is_gone() => drop(self.lost(&error)),
            Err(error) => tracing::warn!(%error, "a session was not touched"),
        }
    }
}
