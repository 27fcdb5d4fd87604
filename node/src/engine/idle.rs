//! Ends sessions that lay idle, so that nobody keeps their content until the absolute deadline.
//!
//! An idle session is expired on every read already. But a use of it of which this node has
//! not heard may keep it alive elsewhere, so the sweep only names it. Replication asks all
//! its replicas for its last use, and if each has answered, and the latest is over by more
//! than the clocks can differ, the session lapses: a write like any other, after which nothing
//! but its deadlines and the last use are left.
//!
//! Why no later use is lost: a replica takes a use only while the session is live by its own
//! clock and by the uses that it knows. When it answered its clock was past all of them, so
//! what it had not taken by then it refuses.

use std::sync::Arc;

use bytes::Bytes;

use super::command::Command;
use super::door::{ExecuteOptions, corrupt};
use super::error::EngineError;
use super::key_queue::KeyFeed;
use super::{Core, Engine};
use crate::session::{Key, Session, SessionView};

impl Engine {
    /// Follows the keys of sessions that look as if they had lain idle for too long.
    #[must_use]
    pub fn idle_keys(&self) -> KeyFeed {
        KeyFeed::new(Arc::clone(&self.core.idle))
    }

    /// A record without its content, encoded; also one that is partial.
    ///
    /// # Errors
    /// As [`Engine::read`].
    pub async fn head(&self, key: Key) -> Result<Option<Bytes>, EngineError> {
        let Some(record) = self.read(key).await? else { return Ok(None) };
        Ok(Some(self.core.head(&record.state)?.encode()))
    }

    /// Ends a session for lying idle if it has by the heads that all other replicas hold.
    /// Says whether it has ended.
    ///
    /// # Errors
    /// As [`Engine::execute`]; [`super::StepError::InvalidArgument`] for a malformed head.
    pub async fn lapse(&self, key: Key, heads: &[Bytes]) -> Result<bool, EngineError> {
        let core = &self.core;
        let Some(record) = self.read(key).await? else { return Ok(false) };
        let mut all_told = core.head(&record.state)?;
        let mut is_whole = all_told.complete;
        for head in heads {
            let head = Session::decode(head, &core.decode)
                .map_err(|error| EngineError::invalid("head", error.to_string()))?;
            // What it lacks may be a later use.
            is_whole &= head.complete;
            all_told.merge(head);
        }
        let Some(last_seen_ms) = core.idle_since_ms(&all_told).filter(|_| is_whole) else { return Ok(false) };
        let command = Command::Lapse { last_seen_ms };
        Ok(self.execute(key, command, &ExecuteOptions::default()).await?.dot.is_some())
    }
}

impl Core {
    fn head(&self, state: &Bytes) -> Result<Session, EngineError> {
        Ok(SessionView::open(state, &self.decode).map_err(corrupt)?.head())
    }

    /// The last use of a session that lay idle for so long that no node can still serve it.
    fn idle_since_ms(&self, session: &Session) -> Option<u64> {
        let now_ms = self.removal_wall_ms()?;
        let body = session.body().filter(|_| !session.has_ended())?;
        self.is_past(session.expires_at_ms(), now_ms).then_some(body.last_seen_ms)
    }
}
