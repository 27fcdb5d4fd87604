//! The simulated side of the node's seams.

mod clock;
mod connector;
mod network;
mod spawn;

use std::sync::Arc;

use sojourn_node::env::{Environment, SharedRng};

pub use clock::SimClock;
pub use connector::SimConnector;
pub use network::SimNetwork;
pub use spawn::SimSpawn;

/// The environment of one simulated host; `seed` decides all that it draws.
#[must_use]
pub fn environment(seed: u64) -> Environment {
    Environment {
        clock: Arc::new(SimClock),
        rng: SharedRng::from_seed(seed),
        network: Arc::new(SimNetwork),
        spawn: Arc::new(SimSpawn),
    }
}
