//! Time as turmoil tells it.

use std::time::Duration;

use sojourn_node::env::Clock;

/// Simulated wall time starts here (2026-01-01T00:00:00Z), so that stamps look like real ones.
const EPOCH_MS: u64 = 1_767_225_600_000;

/// The clock of the simulation; every host reads the same.
#[derive(Debug)]
pub struct SimClock;

impl Clock for SimClock {
    fn wall_ms(&self) -> u64 {
        EPOCH_MS + u64::try_from(self.monotonic().as_millis()).unwrap_or(u64::MAX)
    }

    fn monotonic(&self) -> Duration {
        turmoil::sim_elapsed().unwrap_or_default()
    }
}
