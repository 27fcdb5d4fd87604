//! Time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::telemetry::process_cpu_us;

/// Wall, monotonic and CPU time of one node.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch; may jump either way.
    fn wall_ms(&self) -> u64;

    /// Time since some fixed moment before; never goes back.
    fn monotonic(&self) -> Duration;

    /// CPU time used so far, in microseconds; 0 where nobody tells.
    fn cpu_us(&self) -> u64 {
        0
    }
}

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock at zero.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    fn wall_ms(&self) -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn cpu_us(&self) -> u64 {
        process_cpu_us()
    }
}
