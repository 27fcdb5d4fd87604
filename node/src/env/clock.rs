//! Time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::telemetry::process_cpu_us;

/// One moment, by both clocks of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// As [`Clock::monotonic`].
    pub monotonic: Duration,
    /// As [`Clock::wall_ms`].
    pub wall_ms: u64,
}

impl Now {
    /// The wall clock less the monotonic one, in milliseconds: it changes only if one of them jumps or drifts.
    #[must_use]
    pub fn wall_less_monotonic_ms(&self) -> i64 {
        let millis = |time: u128| i64::try_from(time).unwrap_or(i64::MAX);
        millis(self.wall_ms.into()).saturating_sub(millis(self.monotonic.as_millis()))
    }
}

/// Wall, monotonic and CPU time of one node.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch; may jump either way.
    fn wall_ms(&self) -> u64;

    /// Time since some fixed moment before; never goes back.
    fn monotonic(&self) -> Duration;

    /// Both.
    fn now(&self) -> Now {
        Now { monotonic: self.monotonic(), wall_ms: self.wall_ms() }
    }

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
