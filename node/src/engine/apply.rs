//! Remote writes: fragments from peers' logs, and full states.

use std::sync::Arc;

use bytes::Bytes;

use super::error::EngineError;
use super::log::LogEntry;
use super::partition::{Loaded, Lookup, PartitionState};
use super::vectors::Added;
use super::{Cell, Core, Engine, no_partition};
use crate::session::{DecodeError, Dot, Key, Liveness, Partition, Root, Session, VersionVector};

/// A remote entry that was refused. State and vectors are as before; do not pass it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Of which partition.
    pub partition: Partition,
    /// Which entry.
    pub dot: Dot,
    /// Why, for the log.
    pub reason: String,
}

/// What came of remote entries.
#[derive(Debug, Default)]
pub struct Applied {
    /// Entries that are held now: new ones and those held before. Confirm these.
    pub present: Vec<(Partition, Dot)>,
    /// The new ones, in the order given: pass these on.
    pub new: Vec<Arc<LogEntry>>,
    /// Poison.
    pub refused: Vec<Refused>,
    /// Entries stamped too far ahead, applied by themselves once due; confirm them later, not now.
    pub held: usize,
    /// Entries that found no room here; gossip brings them again.
    pub dropped: usize,
}

enum Merge {
    New(Arc<LogEntry>),
    Known,
    Held { due_ms: u64 },
    Dropped,
    Refused(String),
    Cold { evictions: u64 },
}

impl Engine {
    /// Merges remote entries, in any order, with any loss and repetition.
    ///
    /// # Errors
    /// [`EngineError::NotReady`] or [`EngineError::Store`] if the disk fails;
    /// entries before that one are applied, and applying all again is harmless.
    pub async fn apply(&self, entries: Vec<LogEntry>) -> Result<Applied, EngineError> {
        self.core.apply(entries).await
    }

    /// Waits until everything appended to the log so far survives a power loss.
    ///
    /// # Errors
    /// [`EngineError::NotReady`] if a sync failed or the engine stopped.
    pub async fn synced(&self) -> Result<(), EngineError> {
        match self.core.log.newest() {
            Some(block) => self.core.log.synced(block).await,
            None => Ok(()),
        }
    }

    /// Merges full states of one partition: a transfer, a repair, a fetch of
    /// partial records. `vector` is what they cover if they are all of the sender's records.
    ///
    /// # Errors
    /// [`EngineError::InvalidArgument`] if a state is malformed or of another
    /// partition: the others are merged, the vector is not joined.
    pub async fn merge_states(
        &self,
        partition: Partition,
        states: Vec<(Key, Bytes)>,
        vector: Option<VersionVector>,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        let cell = core.cell(partition).ok_or_else(|| no_partition(partition))?;
        let mut refused = 0usize;
        for (key, state) in states {
            core.room().await?;
            if self.partition(&key) != partition || !core.merge_state(cell, key, state).await? {
                refused += 1;
            }
        }
        if refused > 0 {
            let detail = format!("has {refused} malformed or foreign records");
            return Err(EngineError::InvalidArgument { field: "states".into(), detail });
        }
        if let Some(mut vector) = vector {
            // No one else may move the numbers of this node's own writes.
            vector.dots.remove(&core.origin());
            core.with(cell, |state| {
                state.vectors.join(&vector);
                state.touch_metadata();
            });
            cell.advanced.notify_waiters();
        }
        Ok(())
    }
}

impl Core {
    pub(super) async fn apply(self: &Arc<Self>, entries: Vec<LogEntry>) -> Result<Applied, EngineError> {
        let mut applied = Applied::default();
        for entry in entries {
            self.room().await?;
            let (partition, cell) = self.cell_of(&entry.key)?;
            let dot = entry.dot();
            match self.merge_entry(cell, entry, &mut applied).await? {
                Merge::New(entry) => {
                    cell.advanced.notify_waiters();
                    applied.new.push(entry);
                    applied.present.push((partition, dot));
                }
                Merge::Known => applied.present.push((partition, dot)),
                Merge::Refused(reason) => applied.refused.push(Refused { partition, dot, reason }),
                Merge::Dropped => applied.dropped += 1,
                Merge::Held { .. } | Merge::Cold { .. } => {}
            }
            self.make_room(cell);
        }
        Ok(applied)
    }

    async fn merge_entry(
        self: &Arc<Self>,
        cell: &Cell,
        entry: LogEntry,
        applied: &mut Applied,
    ) -> Result<Merge, EngineError> {
        let mut loaded = None;
        loop {
            match self.with(cell, |state| self.merge(state, &entry, loaded.as_ref()))? {
                Merge::Cold { evictions } => loaded = Some(self.load(entry.key, evictions).await?),
                Merge::Held { due_ms } => {
                    let is_held = self.held.lock().add(due_ms, entry, self.config.held_bytes_max);
                    *(if is_held { &mut applied.held } else { &mut applied.dropped }) += 1;
                    return Ok(Merge::Held { due_ms });
                }
                done => return Ok(done),
            }
        }
    }

    fn merge(
        &self,
        partition: &mut PartitionState,
        entry: &LogEntry,
        loaded: Option<&Loaded>,
    ) -> Result<Merge, EngineError> {
        let dot = entry.dot();
        if partition.vectors.contains(dot) {
            return Ok(Merge::Known);
        }
        if dot.seq == 0 || dot.origin == self.origin() || dot.origin.replica.0 == 0 {
            return Ok(Merge::Refused("no other node may use this dot".into()));
        }
        if !partition.vectors.has_room_for(dot) {
            return Ok(Merge::Dropped);
        }
        let fragment = match Session::decode(&entry.fragment, &self.decode) {
            Ok(fragment) => fragment,
            Err(error) => return Ok(Merge::Refused(error.to_string())),
        };
        let now_ms = self.env.clock.wall_ms();
        let hlc = newest_hlc(&fragment);
        if self.clock.lock().observe(hlc, now_ms, self.config.clock_offset_max_ms).is_err() {
            let due_ms = (hlc >> 16).saturating_sub(self.config.clock_offset_max_ms);
            return Ok(Merge::Held { due_ms });
        }
        let merged = if self.is_over(&fragment, now_ms) {
            // Too late to matter anywhere: it is noted, so that its numbers have no hole.
            None
        } else {
            match self.joined(partition, entry.key, fragment, loaded) {
                Ok(Joined::Cold { evictions }) => return Ok(Merge::Cold { evictions }),
                Ok(Joined::Same) => None,
                Ok(Joined::New(change)) => Some(change),
                Err(error) => return Ok(Merge::Refused(error.to_string())),
            }
        };
        let entry = Arc::new(entry.clone());
        let block = self.log.append(Arc::clone(&entry), hlc)?;
        if partition.vectors.add(dot) != Added::New {
            return Ok(Merge::Known);
        }
        partition.index.add(dot, block);
        partition.logged(block);
        if let Some(change) = merged {
            self.put(partition, entry.key, change);
        }
        Ok(Merge::New(entry))
    }

    async fn merge_state(self: &Arc<Self>, cell: &Cell, key: Key, state: Bytes) -> Result<bool, EngineError> {
        let Ok(session) = Session::decode(&state, &self.decode) else { return Ok(false) };
        let now_ms = self.env.clock.wall_ms();
        if self.is_over(&session, now_ms) {
            return Ok(true);
        }
        let mut loaded = None;
        loop {
            let joined = self.with(cell, |partition| {
                let joined = self.joined(partition, key, session.clone(), loaded.as_ref());
                if let Ok(Joined::New(change)) = joined {
                    self.put(partition, key, change);
                    return Ok(Joined::Same);
                }
                joined
            });
            match joined {
                Ok(Joined::Cold { evictions }) => loaded = Some(self.load(key, evictions).await?),
                Ok(_) => break,
                Err(_) => return Ok(false),
            }
        }
        self.make_room(cell);
        Ok(true)
    }

    fn put(&self, partition: &mut PartitionState, key: Key, change: Change) {
        partition.replace(key, change.held.as_ref(), Some(change.state), change.is_partial);
        if change.is_partial {
            self.partials.push(key);
        }
    }

    /// What a record becomes by merging a state or fragment into it; changes nothing.
    pub(super) fn joined(
        &self,
        partition: &mut PartitionState,
        key: Key,
        other: Session,
        loaded: Option<&Loaded>,
    ) -> Result<Joined, DecodeError> {
        let held = match partition.look_up(&key, loaded) {
            Lookup::Cold { evictions } => return Ok(Joined::Cold { evictions }),
            Lookup::Held(held) => Some(held),
            Lookup::Absent => None,
        };
        self.join(held, other)
    }

    /// The pure part of [`Self::joined`].
    pub(super) fn join(&self, held: Option<Bytes>, other: Session) -> Result<Joined, DecodeError> {
        let session = match &held {
            None => other,
            Some(held) => {
                let mut session = Session::decode(held, &self.decode)?;
                session.merge(other);
                session
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
        Ok(Joined::New(Change { held, state, is_partial }))
    }

    /// True if a record is past its absolute deadline by so much that no node can still serve it.
    pub(super) fn is_over(&self, session: &Session, now_ms: u64) -> bool {
        self.is_past(session.birth.absolute_deadline_ms, now_ms)
    }

    pub(super) fn is_past(&self, absolute_deadline_ms: u64, now_ms: u64) -> bool {
        let margin_ms = self.config.removal_margin_ms.saturating_add(self.config.clock_offset_max_ms);
        now_ms > absolute_deadline_ms.saturating_add(margin_ms)
    }
}

/// A record's change.
pub(super) struct Change {
    pub(super) held: Option<Bytes>,
    pub(super) state: Bytes,
    pub(super) is_partial: bool,
}

/// The outcome of a merge.
pub(super) enum Joined {
    New(Change),
    Same,
    Cold { evictions: u64 },
}

/// The newest time in a fragment, as a stamp.
fn newest_hlc(fragment: &Session) -> u64 {
    let body = match &fragment.root {
        Root::Revoked(revocation) => return revocation.stamp.hlc.max(fragment.birth.created.hlc),
        Root::Live(body) => body,
    };
    let attributes = body.attributes.values().flat_map(|register| register.writes()).map(|write| write.hlc);
    let logins = body.auth.writes().iter().map(|write| write.hlc);
    let seen = crate::session::hlc::from_wall_ms(body.last_seen_ms);
    attributes.chain(logins).fold(fragment.birth.created.hlc.max(seen), u64::max)
}
