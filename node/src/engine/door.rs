//! The door: a local write changes memory and log as one step, then notifies.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use crdts::CvRDT;

use super::check::check_encoded;
use super::command::{Command, Reply};
use super::error::EngineError;
use super::idempotency::{Outcome, Window};
use super::log::LogEntry;
use super::partition::{Loaded, Lookup, PartitionState};
use super::step::{StepContext, StepError, step};
use super::{Cell, Core, Engine};
use crate::session::hlc::from_wall_ms;
use crate::session::{DecodeError, Dot, Key, SecretHash, Session, SessionLimits, Stamp, VersionVector};
use crate::store::StoreError;

/// When a write counts as kept on this node's disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Synced within `sync_interval_ms`.
    #[default]
    Buffered,
    /// Synced before the answer.
    Synced,
}

/// How a command is to be carried out.
#[derive(Debug, Clone, Default)]
pub struct ExecuteOptions {
    /// When to answer.
    pub durability: Durability,
    /// Makes a retry harmless within the window of this node's current start.
    pub idempotency_key: Option<Bytes>,
    /// Replicas are to confirm the entry to this node.
    pub ack: bool,
    /// The id that the caller shows, once its first part has found the session.
    pub shown: SecretHash,
    /// What the session may hold, if it is not what the configuration says.
    pub limits: Option<Arc<SessionLimits>>,
}

/// The outcome of a command.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The answer.
    pub reply: Reply,
    /// The write's name; none if nothing changed.
    pub dot: Option<Dot>,
    /// The session's encoded state now.
    pub state: Bytes,
    /// The highest writes its partition holds now: the source of a causal token.
    pub vector: VersionVector,
}

impl Committed {
    /// What a replica holds that has applied the write, or the one that was found to have
    /// done the work: the source of a receipt.
    #[must_use]
    pub fn applied(&self) -> VersionVector {
        let found = match &self.reply {
            Reply::Revoked { dot, .. } if !planted!(ReceiptOfOwnVector) => Some(*dot),
            _ => None,
        };
        self.dot.or(found).map_or_else(|| self.vector.clone(), VersionVector::from)
    }
}

enum Attempt {
    Done(Committed, Option<u64>),
    /// The record must be read from the store first.
    Cold {
        evictions: u64,
    },
}

impl Engine {
    /// Carries out a command: visible to readers at once, durable as asked.
    ///
    /// # Errors
    /// Nothing is changed, except for [`EngineError::Unsynced`], when the write is
    /// visible but not acknowledged. While this node's clock is off nothing is
    /// stamped: [`EngineError::NotReady`].
    pub async fn execute(
        &self,
        key: Key,
        command: Command,
        options: &ExecuteOptions,
    ) -> Result<Committed, EngineError> {
        let core = &self.core;
        let (_, cell) = core.cell_of(&key)?;
        core.room().await?;
        let mut loaded = None;
        let (committed, block) = loop {
            match core.with(cell, |state| core.commit(state, key, &command, options, loaded.as_ref()))? {
                Attempt::Done(committed, block) => break (committed, block),
                Attempt::Cold { evictions } => loaded = Some(core.load(key, evictions).await?),
            }
        };
        if committed.dot.is_some() {
            cell.advanced.notify_waiters();
        }
        core.make_room(cell);
        match (block, &command) {
            _ if planted!(AcknowledgeBeforeSync) => {}
            (Some(block), _) if options.durability == Durability::Synced => {
                core.log.synced(block).await.map_err(unsynced)?;
            }
            (Some(_), _) | (None, Command::Touch | Command::MarkReplay | Command::Lapse { .. }) => {}
            (None, _) => self.keep_found(cell, &key, options.durability).await.map_err(unsynced)?,
        }
        Ok(committed)
    }

    /// A command that finds its work done, by whomever, is answered for like one that does it.
    async fn keep_found(&self, cell: &Cell, key: &Key, durability: Durability) -> Result<(), EngineError> {
        let is_unlogged = cell.state.lock().is_unlogged(key);
        match (is_unlogged, self.core.log.newest()) {
            (true, _) => self.core.checkpointed_until(|| !cell.state.lock().is_unlogged(key)).await,
            (false, Some(block)) if durability == Durability::Synced => self.core.log.synced(block).await,
            (false, _) => Ok(()),
        }
    }
}

impl Core {
    /// Waits while too much waits for the disk; refuses if writes are not taken.
    pub(super) async fn room(&self) -> Result<(), EngineError> {
        self.writable()?;
        self.log.room().await?;
        self.checkpointed_until(|| self.dirty_bytes.load(Ordering::Relaxed) <= self.config.dirty_bytes_max)
            .await
    }

    /// Has the worker write checkpoints until one has brought about what is waited for.
    /// A request must not write one itself: it may be dropped half-way.
    async fn checkpointed_until(&self, is_done: impl Fn() -> bool) -> Result<(), EngineError> {
        while !is_done() {
            let checkpointed = self.checkpointed.notified();
            tokio::pin!(checkpointed);
            checkpointed.as_mut().enable();
            if is_done() {
                break;
            }
            self.writable()?;
            self.checkpoint_wanted.notify_one();
            checkpointed.await;
        }
        Ok(())
    }

    fn commit(
        &self,
        partition: &mut PartitionState,
        key: Key,
        command: &Command,
        options: &ExecuteOptions,
        loaded: Option<&Loaded>,
    ) -> Result<Attempt, EngineError> {
        let held = match partition.look_up(&key, loaded) {
            Lookup::Held(state) => Some(state),
            Lookup::Absent => None,
            // Whatever it was, it must not be created again.
            Lookup::Quarantined => return Err(EngineError::Refused(StepError::Partial)),
            Lookup::Cold { evictions } => return Ok(Attempt::Cold { evictions }),
        };
        let now_ms = self.trusted_wall_ms()?;
        let call = options.idempotency_key.as_ref().map(|retry| Window::call(&key, retry));
        if let Some(done) = call.and_then(|call| partition.window.find(call, now_ms)) {
            return Ok(self.attempt(partition, &key, done, held.unwrap_or_default()));
        }
        let (outcome, state) = self.change(partition, key, held, command, options, now_ms)?;
        if let Some(call) = call {
            partition.window.remember(call, outcome.clone(), now_ms);
        }
        Ok(self.attempt(partition, &key, outcome, state))
    }

    fn change(
        &self,
        partition: &mut PartitionState,
        key: Key,
        held: Option<Bytes>,
        command: &Command,
        options: &ExecuteOptions,
        now_ms: u64,
    ) -> Result<(Outcome, Bytes), EngineError> {
        let session = held.as_ref().map(|held| self.decode(held)).transpose()?;
        let origin = self.origin();
        let dot = Dot { origin, seq: partition.vectors.contiguous().get(&origin) + 1 };
        let hlc = self.stamp(now_ms);
        let configured = self.config.limits_of(key.partition(self.config.partition_count));
        let limits = options.limits.as_deref().unwrap_or(configured);
        let ctx = StepContext { dot, stamp: Stamp { hlc, origin }, now_ms, shown: options.shown, limits };
        let step = step(session, command, &ctx)?;
        let Some(fragment) = step.fragment else {
            let outcome = Outcome { reply: step.reply, dot: None, block: None };
            return Ok((outcome, held.unwrap_or_default()));
        };
        let state = step.state.encode();
        check_encoded(state.len(), limits)?;
        let fragment = if fragment == step.state { state.clone() } else { fragment.encode() };
        let entry = Arc::new(LogEntry { origin, seq: dot.seq, key, ack: options.ack, fragment });
        // From here on nothing fails: memory and log change together.
        let hlc_max =
            self.ahead_max_ms().map_or(u64::MAX, |ahead_ms| from_wall_ms(now_ms.saturating_add(ahead_ms)));
        let block = self.log.append(Arc::clone(&entry), hlc, hlc_max)?;
        partition.vectors.add(dot);
        partition.index.add(dot, block);
        partition.logged(block);
        partition.replace(key, held.as_ref(), Some(state.clone()), !step.state.complete);
        if let Some(held) = held.filter(|_| step.state.has_ended()) {
            self.finals.remember(key, held, None);
        }
        self.feed.push(entry);
        Ok((Outcome { reply: step.reply, dot: Some(dot), block: Some(block) }, state))
    }

    fn stamp(&self, now_ms: u64) -> u64 {
        let mut clock = self.clock.lock();
        if let Some(ahead_max_ms) = self.ahead_max_ms() {
            clock.leave_future(now_ms, ahead_max_ms);
        }
        clock.tick(now_ms)
    }

    /// How far ahead of the wall clock stamps may be, if peers have confirmed it: those further ahead
    /// were given by one that was wrong.
    fn ahead_max_ms(&self) -> Option<u64> {
        // Twice, because peers may be ahead by as much, and the wall clock may be set back as far.
        let ahead_max_ms = 2 * self.config.clock_offset_max_ms;
        (self.clock_guard.is_agreed() && !planted!(StampsStayAhead)).then_some(ahead_max_ms)
    }

    fn attempt(&self, partition: &mut PartitionState, key: &Key, outcome: Outcome, state: Bytes) -> Attempt {
        let mut vector = self.seen_with(partition, key);
        if let Reply::Revoked { dot, .. } = &outcome.reply {
            // A merged state may have brought it without its entry.
            vector.merge((*dot).into());
        }
        if planted!(ReceiptOfOwnVector) {
            vector = partition.vectors.seen();
        }
        if planted!(TokenLeavesOutOwnWrite)
            && let Some(dot) = outcome.dot
        {
            vector.dots.remove(&dot.origin);
        }
        Attempt::Done(Committed { reply: outcome.reply, dot: outcome.dot, state, vector }, outcome.block)
    }

    pub(super) fn seen_with(&self, partition: &mut PartitionState, key: &Key) -> VersionVector {
        partition.seen_with(key, || self.env.clock.monotonic())
    }

    pub(super) fn decode(&self, state: &Bytes) -> Result<Session, EngineError> {
        Session::decode(state, &self.decode).map_err(corrupt)
    }

    /// Drops cached records while there are too many: of this partition first, then of others.
    pub(super) fn make_room(&self, cell: &Cell) {
        const PARTITIONS_MAX: usize = 4;
        let mut cell = cell;
        for _ in 0..PARTITIONS_MAX {
            if self.cache_bytes.load(Ordering::Relaxed) <= self.config.cache_bytes_max {
                return;
            }
            self.with(cell, PartitionState::evict);
            let next = self.eviction_hand.fetch_add(1, Ordering::Relaxed) % self.cells.len().max(1);
            cell = self.cells.get(next).unwrap_or(cell);
        }
        self.checkpoint_wanted.notify_one();
    }
}

/// A record that was sound when it was taken in cannot be read.
pub(super) fn corrupt(error: DecodeError) -> EngineError {
    EngineError::Store(StoreError::Corrupt { place: "a session record".into(), detail: error.to_string() })
}

/// A caller that was told of a node that is not ready would make the write again elsewhere.
fn unsynced(error: EngineError) -> EngineError {
    EngineError::Unsynced { detail: error.to_string() }
}
