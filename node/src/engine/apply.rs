//! Remote writes: entries of peers' logs.
//!
//! A refused entry changes no record, is never logged, confirmed, passed on or
//! served. It leaves no hole either: once its origin and number are plausible,
//! the vector passes it, or every later write of that origin would be sent again
//! for ever and causal tokens would wait in vain. It is remembered, so that a
//! sound copy of it from another peer is still taken, and the full state of its
//! session is asked for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::error::EngineError;
use super::join::Joined;
use super::log::LogEntry;
use super::partition::{Loaded, PartitionState};
use super::plausible::{Own, check_fragment, newest_hlc};
use super::vectors::Added;
use super::{Cell, Core, Engine};
use crate::session::{Dot, Partition, Session};

/// A remote entry that was refused. No record has changed; do not pass it on.
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
                Merge::Refused(reason) => {
                    cell.advanced.notify_waiters();
                    self.jumped();
                    applied.refused.push(Refused { partition, dot, reason });
                }
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
                    self.held_grown.notify_one();
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
        let fragment = match self.plausible(partition, entry) {
            Ok(fragment) => fragment,
            Err(_) if planted!(PoisonIsPassedOn) => return Ok(Merge::New(Arc::new(entry.clone()))),
            Err(reason) => return Ok(self.refuse(partition, entry, reason)),
        };
        let now_ms = self.env.clock.wall_ms();
        let hlc = newest_hlc(&fragment);
        if self.clock.lock().observe(hlc, now_ms, self.config.clock_offset_max_ms).is_err() {
            let due_ms = (hlc >> 16).saturating_sub(self.config.clock_offset_max_ms);
            return Ok(Merge::Held { due_ms });
        }
        let merged = match self.joined(partition, entry.key, fragment, loaded, now_ms) {
            Ok(Joined::Cold { evictions }) => return Ok(Merge::Cold { evictions }),
            // One that is too late to matter is noted, so that its numbers have no hole.
            Ok(Joined::Same | Joined::Late) => None,
            Ok(Joined::New(change)) => Some(change),
            Err(error) => return Ok(self.refuse(partition, entry, error.to_string())),
        };
        let entry = Arc::new(entry.clone());
        let block = self.log.append(Arc::clone(&entry), hlc, u64::MAX)?;
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
    fn plausible(&self, partition: &PartitionState, entry: &LogEntry) -> Result<Session, String> {
        let fragment = Session::decode(&entry.fragment, &self.decode).map_err(|error| error.to_string())?;
        if planted!(PoisonIsApplied) {
            return Ok(fragment);
        }
        check_fragment(&fragment, entry.dot(), self.own(partition)).map_err(|error| error.to_string())?;
        Ok(fragment)
    }

    fn refuse(&self, partition: &mut PartitionState, entry: &LogEntry, reason: String) -> Merge {
        self.refused.fetch_add(1, Ordering::Relaxed);
        partition.vectors.refuse(entry.dot(), self.env.clock.wall_ms());
        partition.touch_metadata();
        self.partials.push(entry.key);
        Merge::Refused(reason)
    }

    /// How far this node's own writes of a partition have come.
    pub(super) fn own(&self, partition: &PartitionState) -> Own {
        let origin = self.origin();
        Own { origin, seq: partition.vectors.contiguous().get(&origin) }
    }
}
