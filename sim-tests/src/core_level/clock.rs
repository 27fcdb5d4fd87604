//! A node's clock: off from true time, drifting, and stepped by faults.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_node::env::Clock;

use super::time::SimTime;
use crate::record::EPOCH_MS;

/// Outlives the node's restarts; faults turn it.
pub(super) struct NodeClock {
    time: SimTime,
    state: Mutex<State>,
    /// A fault is on.
    disturbed: AtomicBool,
    /// The wall was read while a fault was on.
    read: AtomicBool,
}

#[derive(Clone, Copy)]
struct State {
    offset_us: i64,
    drift_ppm: i64,
    drifts_since_us: u64,
}

impl NodeClock {
    pub(super) fn new(time: SimTime, offset_ms: i64) -> Self {
        let state = State { offset_us: offset_ms * 1_000, drift_ppm: 0, drifts_since_us: 0 };
        let (disturbed, read) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { time, state: Mutex::new(state), disturbed, read }
    }

    /// Jumps.
    pub(super) fn step(&self, by_ms: i64) {
        self.state.lock().offset_us += by_ms * 1_000;
    }

    /// Runs at another pace from now on; what it has gained or lost stays.
    pub(super) fn drift(&self, ppm: i32) {
        let now_us = self.time.now_us();
        let mut state = self.state.lock();
        state.offset_us = state.offset_at_us(now_us);
        state.drifts_since_us = now_us;
        state.drift_ppm = i64::from(ppm);
    }

    /// Goes right again.
    pub(super) fn set_offset_ms(&self, offset_ms: i64) {
        let mut state = self.state.lock();
        *state = State { offset_us: offset_ms * 1_000, drift_ppm: 0, drifts_since_us: 0 };
    }

    /// Wall less true time.
    pub(super) fn offset_ms(&self) -> i64 {
        self.state.lock().offset_at_us(self.time.now_us()) / 1_000
    }

    /// Whether a fault turns the clock, so that reading it is noticed.
    pub(super) fn set_disturbed(&self, disturbed: bool) {
        self.disturbed.store(disturbed, Ordering::Relaxed);
        self.read.store(false, Ordering::Relaxed);
    }

    /// Whether somebody has read the wall while a fault was on.
    pub(super) fn was_read(&self) -> bool {
        self.read.load(Ordering::Relaxed)
    }

    /// The wall without that anybody notices.
    pub(super) fn look_ms(&self) -> u64 {
        let now_us = self.time.now_us();
        let wall_us = i64::try_from(EPOCH_MS * 1_000 + now_us).unwrap_or(i64::MAX);
        let wall_us = wall_us.saturating_add(self.state.lock().offset_at_us(now_us));
        u64::try_from(wall_us).unwrap_or_default() / 1_000
    }
}

impl State {
    fn offset_at_us(self, now_us: u64) -> i64 {
        let since_us = i64::try_from(now_us.saturating_sub(self.drifts_since_us)).unwrap_or(i64::MAX);
        self.offset_us + since_us / 1_000 * self.drift_ppm / 1_000
    }
}

impl Clock for NodeClock {
    fn wall_ms(&self) -> u64 {
        if self.disturbed.load(Ordering::Relaxed) {
            self.read.store(true, Ordering::Relaxed);
        }
        self.look_ms()
    }

    fn monotonic(&self) -> Duration {
        self.time.elapsed()
    }
}
