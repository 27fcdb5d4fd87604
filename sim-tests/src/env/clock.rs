//! The clocks of one simulated host.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_node::env::Clock;

use crate::full_level::Tale;
use crate::record::EPOCH_MS;

/// A host's wall clock, which may be wrong, and its monotonic clock, which is not.
pub(crate) struct HostClock {
    tale: Tale,
    error: Mutex<WallError>,
}

#[derive(Clone, Copy, Default)]
struct WallError {
    offset_ms: i64,
    drift_ppm: i32,
    drifts_since_ms: u64,
    is_read: bool,
}

impl HostClock {
    /// A clock that is off by so much.
    pub(crate) fn new(tale: Tale, offset_ms: i64) -> Arc<Self> {
        let error = WallError { offset_ms, ..WallError::default() };
        Arc::new(Self { tale, error: Mutex::new(error) })
    }

    /// Jumps by so many milliseconds.
    pub(crate) fn step(&self, by_ms: i64) {
        let mut error = self.error.lock();
        error.offset_ms += by_ms;
        error.is_read = false;
    }

    /// From now on gains or loses so many parts of a million. What it is off by already stays.
    pub(crate) fn drift(&self, ppm: i32) {
        let now_ms = self.elapsed_ms();
        let mut error = self.error.lock();
        error.offset_ms = error.at(now_ms);
        (error.drift_ppm, error.drifts_since_ms, error.is_read) = (ppm, now_ms, false);
    }

    /// Sets it to what it is off by, without drift.
    pub(crate) fn set_offset_ms(&self, offset_ms: i64) {
        *self.error.lock() = WallError { offset_ms, ..WallError::default() };
    }

    /// Wall time less true time, in milliseconds.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.error.lock().at(self.elapsed_ms())
    }

    /// Whether somebody has read the wall clock since it was last changed.
    pub(crate) fn is_read(&self) -> bool {
        self.error.lock().is_read
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.monotonic().as_millis()).unwrap_or(u64::MAX)
    }
}

impl WallError {
    fn at(&self, now_ms: u64) -> i64 {
        let drifted_ms = i64::try_from(now_ms.saturating_sub(self.drifts_since_ms)).unwrap_or(i64::MAX);
        self.offset_ms + drifted_ms.saturating_mul(self.drift_ppm.into()) / 1_000_000
    }
}

impl Clock for HostClock {
    fn wall_ms(&self) -> u64 {
        let now_ms = self.elapsed_ms();
        let mut error = self.error.lock();
        error.is_read = true;
        (EPOCH_MS + now_ms).saturating_add_signed(error.at(now_ms))
    }

    /// Simulated time; where a host is being dropped, the time at which that was decided.
    fn monotonic(&self) -> Duration {
        let told = Duration::from_micros(self.tale.now_us());
        turmoil::in_simulation().then(turmoil::sim_elapsed).flatten().unwrap_or(told)
    }
}
