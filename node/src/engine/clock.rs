//! Whether this node's wall clock may be trusted, and what is refused while it may not.
//!
//! Replication compares the clocks of all nodes and tells the engine its verdict.
//! Each use of the wall clock is checked against it, so that a clock that jumps
//! stamps nothing: the engine does not wait for the next comparison.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::sync::watch;

use super::error::EngineError;
use super::{Core, Engine};
use crate::env::Now;

/// What the other nodes' clocks say about this node's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockVerdict {
    /// The verdict.
    pub state: ClockState,
    /// The own wall clock less the middle of all clocks, in milliseconds.
    pub offset_ms: i64,
    /// What [`Now::wall_less_monotonic_ms`] would be if the own wall clock were in the
    /// middle, or as long as no majority has agreed, what it was at the start; none
    /// for the only node.
    pub expected_ms: Option<i64>,
}

/// How a node's wall clock stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockState {
    /// This node has started and waits for its peers: until enough of them have
    /// told their clocks, nothing may be stamped or judged.
    Waiting,
    /// No other clock was compared with it.
    #[default]
    Unheard,
    /// It is that of the only node, so that there is none to compare it with.
    Alone,
    /// It is with the majority.
    Agreed,
    /// Clocks differ by more than is allowed and no majority tells which are wrong.
    Disputed,
    /// It is off: nothing may be stamped or judged by it.
    Off,
}

/// The wall clock is not to be trusted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// It is off.
    #[error(
        "this node's clock is {offset_ms} ms off from that of its peers; \
         {offset_max_ms} ms are allowed (engine.clock_offset_max_ms)"
    )]
    Off {
        /// The own clock less that of the peers.
        offset_ms: i64,
        /// How far it may be off either way.
        offset_max_ms: u64,
    },
    /// Its peers have not told theirs yet.
    #[error(
        "this node has started and has not compared its clock with its peers' yet; cut off from \
         them it waits as long as its clock is behind what its disk names, or has jumped since the start"
    )]
    Waiting,
}

impl From<ClockError> for EngineError {
    fn from(error: ClockError) -> Self {
        Self::not_ready(error.to_string())
    }
}

/// Stands for "nothing is expected".
const NONE: i64 = i64::MIN;

/// The last verdict, in a form that each call can look at.
pub(super) struct ClockGuard {
    offset_max_ms: u64,
    is_off: AtomicBool,
    is_waiting: AtomicBool,
    is_agreed: AtomicBool,
    expected_ms: AtomicI64,
    verdict: watch::Sender<ClockVerdict>,
}

impl ClockGuard {
    pub(super) fn new(offset_max_ms: u64) -> Self {
        Self {
            offset_max_ms,
            is_off: AtomicBool::new(false),
            is_waiting: AtomicBool::new(false),
            is_agreed: AtomicBool::new(false),
            expected_ms: AtomicI64::new(NONE),
            verdict: watch::Sender::default(),
        }
    }

    fn set(&self, verdict: ClockVerdict) {
        self.expected_ms.store(verdict.expected_ms.unwrap_or(NONE), Ordering::Relaxed);
        self.is_off.store(verdict.state == ClockState::Off, Ordering::Relaxed);
        self.is_waiting.store(verdict.state == ClockState::Waiting, Ordering::Relaxed);
        self.is_agreed.store(verdict.state == ClockState::Agreed, Ordering::Relaxed);
        let before = self.verdict.send_replace(verdict).state;
        if before != verdict.state {
            tell(verdict);
        }
    }

    fn check(&self, now: Now) -> Result<u64, ClockError> {
        if self.is_waiting.load(Ordering::Relaxed) {
            return Err(ClockError::Waiting);
        }
        let offset_ms = match self.expected_ms.load(Ordering::Relaxed) {
            NONE => 0,
            expected_ms => now.wall_less_monotonic_ms().saturating_sub(expected_ms),
        };
        if self.is_off.load(Ordering::Relaxed) || offset_ms.unsigned_abs() > self.offset_max_ms {
            return Err(ClockError::Off { offset_ms, offset_max_ms: self.offset_max_ms });
        }
        Ok(now.wall_ms)
    }

    /// True if a majority of the clocks has confirmed the own one.
    pub(super) fn is_agreed(&self) -> bool {
        self.is_agreed.load(Ordering::Relaxed)
    }

    /// What is removed is gone: unlike an answer, that needs a clock that others have confirmed.
    fn check_for_removal(&self, now: Now) -> Option<u64> {
        let is_confirmed = matches!(self.verdict.borrow().state, ClockState::Agreed | ClockState::Alone);
        self.check(now).ok().filter(|_| is_confirmed)
    }
}

fn tell(verdict: ClockVerdict) {
    let offset_ms = verdict.offset_ms;
    match verdict.state {
        ClockState::Off => {
            tracing::warn!(offset_ms, "this node's clock is off: it stamps no writes and serves no sessions");
        }
        ClockState::Disputed => {
            tracing::warn!(
                offset_ms,
                "clocks differ and no majority tells which are wrong; check all of them"
            );
        }
        ClockState::Waiting => tracing::debug!("waiting for the clocks of the peers"),
        ClockState::Agreed => tracing::info!(offset_ms, "this node's clock agrees with the majority"),
        ClockState::Unheard => tracing::info!("this node's clock is compared with no other"),
        ClockState::Alone => tracing::info!("the only node: its clock is compared with no other"),
    }
}

impl Engine {
    /// Tells what the other nodes' clocks say about this one's.
    pub fn set_clock(&self, verdict: ClockVerdict) {
        self.core.clock_guard.set(verdict);
    }

    /// Follows what was told last.
    #[must_use]
    pub fn clock_verdicts(&self) -> watch::Receiver<ClockVerdict> {
        self.core.clock_guard.verdict.subscribe()
    }

    /// The latest wall clock of the time before this start that the disk names, in
    /// milliseconds; 0 if it names none.
    #[must_use]
    pub fn earlier_wall_ms(&self) -> u64 {
        self.core.earlier_wall_ms
    }

    /// The wall clock now, for judging expiry.
    ///
    /// # Errors
    /// [`ClockError`] if nothing may be judged by it.
    pub fn trusted_wall_ms(&self) -> Result<u64, ClockError> {
        self.core.trusted_wall_ms()
    }
}

impl Core {
    pub(super) fn trusted_wall_ms(&self) -> Result<u64, ClockError> {
        self.clock_guard.check(self.env.clock.now())
    }

    /// The wall clock, if records may be removed by it: never before peers have confirmed it.
    pub(super) fn removal_wall_ms(&self) -> Option<u64> {
        self.clock_guard.check_for_removal(self.env.clock.now())
    }
}
