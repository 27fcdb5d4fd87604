//! The seams: everything that a node takes from the outside world.
//!
//! The real ones bind in [`Environment::real`]; the simulation brings its own.
//! Nothing outside this folder reads a clock, draws a random number, spawns a
//! task or opens a socket by any other way (`clippy.toml` sees to it).
//! Timers (`tokio::time::sleep`, `timeout`, `interval`) are used directly:
//! the simulation controls tokio's time.

mod clock;
mod network;
mod rng;
mod spawn;

use std::sync::Arc;

pub use clock::{Clock, Now, SystemClock};
pub use network::{Connection, Listener, Network, TcpNetwork};
pub use rng::{Rng, SeedableRng, SharedRng, StdRng};
pub use spawn::{Spawn, TokioSpawn};

/// Everything that a node takes from the outside world.
#[derive(Clone)]
pub struct Environment {
    /// Wall and monotonic time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: SharedRng,
    /// Listening and connecting.
    pub network: Arc<dyn Network>,
    /// Tasks.
    pub spawn: Arc<dyn Spawn>,
}

impl Environment {
    /// The real clock, the operating system's randomness, TCP and tokio.
    #[must_use]
    pub fn real() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            rng: SharedRng::from_os(),
            network: Arc::new(TcpNetwork),
            spawn: Arc::new(TokioSpawn),
        }
    }
}
