//! The machine that simulations run on: its clock and its cores.

use std::time::Instant;

/// Now, by the real clock.
#[allow(clippy::disallowed_methods, reason = "how long the simulator itself takes")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// How many threads run at the same time.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
