//! The seam: time, tasks and randomness, as tokio and one seeded generator give them.

use std::future::Future;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use tokio::time::Instant;

use crate::transport::{Connector, TcpConnector};

/// What a client takes from the outside world. The default is TCP and the
/// operating system's randomness; a simulation brings its own.
#[derive(Clone)]
pub struct Environment {
    pub(crate) connector: Arc<dyn Connector>,
    rng: Arc<Mutex<StdRng>>,
}

impl Environment {
    /// TCP and the operating system's randomness.
    #[must_use]
    pub fn real() -> Self {
        Self { connector: Arc::new(TcpConnector), rng: Arc::new(Mutex::new(StdRng::from_os_rng())) }
    }

    /// Another way to connect, and a seed from which a run can be repeated.
    #[must_use]
    pub fn simulated(connector: Arc<dyn Connector>, seed: u64) -> Self {
        Self { connector, rng: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))) }
    }

    /// Another way to connect.
    #[must_use]
    pub fn with_connector(mut self, connector: Arc<dyn Connector>) -> Self {
        self.connector = connector;
        self
    }

    /// 16 random bytes.
    pub(crate) fn random_key(&self) -> [u8; 16] {
        let mut key = [0; 16];
        self.rng.lock().fill_bytes(&mut key);
        key
    }

    /// Evenly from 0 up to and without 1.
    pub(crate) fn random_unit(&self) -> f64 {
        self.rng.lock().random()
    }
}

/// Time as tokio has it, which a simulation controls.
#[allow(clippy::disallowed_methods, reason = "this is the seam")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// This machine's wall clock, in milliseconds since the Unix epoch.
#[allow(clippy::disallowed_methods, reason = "this is the seam")]
pub(crate) fn wall_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// A task on the current tokio runtime.
#[allow(clippy::disallowed_methods, reason = "this is the seam")]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
