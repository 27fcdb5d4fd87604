//! Merging a state or fragment into the record that is held.

use bytes::Bytes;

use super::Core;
use super::partition::{Loaded, Lookup, PartitionState};
use crate::session::{DecodeError, Key, Liveness, Session};

/// A record's change.
pub(super) struct Change {
    pub(super) held: Option<Bytes>,
    pub(super) state: Bytes,
    pub(super) is_partial: bool,
    /// The end of a session drops the content that was held.
    pub(super) ends: bool,
}

/// The outcome of a merge.
pub(super) enum Joined {
    New(Change),
    Same,
    /// The session is over, and not held: it is not made anew.
    Late,
    Cold {
        evictions: u64,
    },
}

impl Core {
    /// What a record becomes by merging a state or fragment into it; changes nothing.
    pub(super) fn joined(
        &self,
        partition: &mut PartitionState,
        key: Key,
        other: Session,
        loaded: Option<&Loaded>,
        now_ms: u64,
    ) -> Result<Joined, DecodeError> {
        let held = match partition.look_up(&key, loaded) {
            Lookup::Cold { evictions } => return Ok(Joined::Cold { evictions }),
            Lookup::Held(held) => Some(held),
            // What was lost is fetched from peers; until then what comes makes a partial record.
            Lookup::Absent | Lookup::Quarantined => None,
        };
        match held {
            None if self.is_over(&other, now_ms) => Ok(Joined::Late),
            Some(_) if planted!(OverIsNotMerged) && self.is_over(&other, now_ms) => Ok(Joined::Same),
            held => self.join(held, other),
        }
    }

    /// The pure part of [`Self::joined`]. An error is always about `other`: what
    /// is held was checked when it was read from the store.
    pub(super) fn join(&self, held: Option<Bytes>, other: Session) -> Result<Joined, DecodeError> {
        let (session, was_live) = match &held {
            None => (other, false),
            Some(held) => {
                let mut session = Session::decode(held, &self.decode)?;
                let was_live = !session.has_ended();
                session.merge(other);
                (session, was_live)
            }
        };
        let state = session.encode();
        if held.as_ref() == Some(&state) {
            return Ok(Joined::Same);
        }
        // What cannot be read back must not be kept: this bounds what a hostile peer can pile up.
        if state.len() > self.config.limits.session_bytes_max {
            Session::decode(&state, &self.decode)?;
        }
        let is_partial = session.liveness(0) == Liveness::Partial;
        let ends = was_live && session.has_ended();
        Ok(Joined::New(Change { held, state, is_partial, ends }))
    }

    pub(super) fn put(&self, partition: &mut PartitionState, key: Key, change: Change) {
        partition.replace(key, change.held.as_ref(), Some(change.state), change.is_partial);
        if let Some(held) = change.held.filter(|_| change.ends) {
            self.finals.remember(key, held, None);
        }
        if change.is_partial {
            self.partials.push(key);
        }
    }

    /// True if a record is past its absolute deadline by so much that no node can still serve it;
    /// never by a clock that no peer has confirmed.
    pub(super) fn is_over(&self, session: &Session, now_ms: u64) -> bool {
        self.is_past(session.birth.absolute_deadline_ms, now_ms) && self.removal_wall_ms().is_some()
    }

    /// True if by no node's clock a deadline is still to come.
    pub(super) fn is_past(&self, deadline_ms: u64, now_ms: u64) -> bool {
        if planted!(RemovalHasNoMargin) {
            return now_ms > deadline_ms;
        }
        let margin_ms = self.config.removal_margin_ms.saturating_add(self.config.clock_offset_max_ms);
        now_ms > deadline_ms.saturating_add(margin_ms)
    }
}
