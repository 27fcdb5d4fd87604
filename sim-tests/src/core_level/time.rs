//! True time: what the runtime's paused clock says, counted from the start of the run.

use std::time::Duration;

use tokio::time::Instant;

/// The start of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct SimTime {
    start: Instant,
}

impl SimTime {
    /// From now on.
    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    pub(super) fn start() -> Self {
        Self { start: Instant::now() }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    pub(super) fn elapsed(self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    pub(super) fn now_us(self) -> u64 {
        u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn at(self, at_us: u64) -> Instant {
        self.start + Duration::from_micros(at_us)
    }
}
