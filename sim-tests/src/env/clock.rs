//! Time as turmoil tells it.

use std::time::Duration;

use sojourn_node::env::Clock;

use crate::record::EPOCH_MS;

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
