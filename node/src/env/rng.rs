//! Randomness.

use std::sync::Arc;

use parking_lot::Mutex;
pub use rand::rngs::StdRng;
pub use rand::{Rng, SeedableRng};

/// A source of randomness that many tasks share.
///
/// `StdRng` is a cryptographically strong generator (ChaCha12), so session ids
/// may be drawn from it as long as its seed comes from the operating system.
#[derive(Clone)]
pub struct SharedRng {
    inner: Arc<Mutex<StdRng>>,
}

impl SharedRng {
    /// Seeded by the operating system.
    #[must_use]
    pub fn from_os() -> Self {
        Self { inner: Arc::new(Mutex::new(StdRng::from_os_rng())) }
    }

    /// Seeded by hand, for simulation: never for real session ids.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self { inner: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))) }
    }

    /// An independent generator; what one label draws does not move another's stream.
    #[must_use]
    pub fn fork(&self, label: &str) -> StdRng {
        let mut seed: [u8; 32] = self.with(|rng| rng.random());
        let mixed = blake3::keyed_hash(&seed, label.as_bytes());
        seed.copy_from_slice(mixed.as_bytes());
        StdRng::from_seed(seed)
    }

    /// Draws from the shared generator.
    pub fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.inner.lock())
    }
}
