//! The operating system's clock and tasks, for the command line alone.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The monotonic clock; tests pause it.
#[allow(clippy::disallowed_methods, reason = "the command line is outside the simulation")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since the Unix epoch.
#[allow(clippy::disallowed_methods, reason = "the command line is outside the simulation")]
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A task in the background.
#[allow(clippy::disallowed_methods, reason = "the command line is outside the simulation")]
pub(crate) fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(task)
}

/// A generator of its own for every call, seeded by the operating system.
pub(crate) fn random() -> rand::rngs::StdRng {
    use rand::SeedableRng;
    rand::rngs::StdRng::from_os_rng()
}
