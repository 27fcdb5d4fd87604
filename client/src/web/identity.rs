//! Log-ins and logouts, which are made at once.

use super::error::{NotSaved, WebError};
use super::shared::Shared;
use super::state::{CookieChange, Current, Live};
use super::work::LogIn;
use crate::error::Error;
use crate::model::{Auth, Rotated};

impl Shared {
    /// See [`WebSession::log_in`](super::WebSession::log_in).
    pub(super) async fn log_in(&self, auth: Auth) -> Result<(), WebError> {
        let _turn = self.turn.lock().await;
        if self.state().closed {
            return Err(WebError::Closed);
        }
        self.load_now().await?;
        let log_in = self.state().for_login(auth);
        let outcome = self.make_log_in(log_in).await;
        let mut state = self.state();
        match outcome {
            Ok(live) => {
                state.begin(live);
                state.not_saved = None;
                Ok(())
            }
            Err(error) => {
                state.not_saved = Some(NotSaved::Unwritten);
                Err(error.into())
            }
        }
    }

    async fn make_log_in(&self, log_in: LogIn) -> Result<Live, Error> {
        let (content, changes, copy) = match log_in {
            LogIn::Begin(None, changes) => {
                let made = self.calls.replace(None, changes).await;
                return self.or_keep_new_id(made).await;
            }
            LogIn::Begin(old, changes) => return self.calls.replace(old.as_ref(), changes).await,
            LogIn::GoOn { content, changes, copy } => (content, changes, copy),
        };
        let rotated = self.calls.rotate_at_login(&content, changes).await;
        match self.or_keep_new_id(rotated).await {
            Ok(Rotated { id, session, token, .. }) => {
                let session = session.ok_or_else(|| Error::protocol("Rotate answered without a session"))?;
                Ok(Live { id, token, session, id_replaced: false })
            }
            // Another request has taken the session: whoever proves himself gets one of his own.
            Err(Error::Rotated(_) | Error::AlreadyRotated(_)) => self.calls.replace(None, *copy).await,
            // It ended while the request ran: nothing of it lives on.
            Err(error) => Err(error),
        }
    }

    /// See [`WebSession::log_out`](super::WebSession::log_out).
    pub(super) async fn log_out(&self) -> Result<(), WebError> {
        let _turn = self.turn.lock().await;
        if self.state().closed {
            return Err(WebError::Closed);
        }
        let outcome = self.end().await;
        let mut state = self.state();
        match &outcome {
            Ok(()) => {
                state.end();
                state.not_saved = None;
            }
            Err(WebError::Superseded) => state.not_saved = Some(NotSaved::NotLoggedOut),
            Err(_) => {
                (state.cookie, state.not_saved) = (CookieChange::Remove, Some(NotSaved::NotLoggedOut));
            }
        }
        outcome
    }

    async fn end(&self) -> Result<(), WebError> {
        drop(std::mem::take(&mut self.state().pending));
        self.load_now().await?;
        let content = match &self.state().current {
            Current::Superseded => return Err(WebError::Superseded),
            Current::Live(live) => live.content(),
            Current::Nobody | Current::Named(_) => return Ok(()),
        };
        match self.calls.log_out(&content).await {
            Err(error) if self.calls.is_superseded(&error) => Err(WebError::Superseded),
            outcome => Ok(outcome?),
        }
    }
}
