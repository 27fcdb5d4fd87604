//! The generator that plans are drawn with.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::Level;

/// A part of a plan, with a generator of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Shape,
    Faults,
    Operations,
}

/// Draws.
pub(super) struct Dice(StdRng);

impl Dice {
    pub(super) fn new(version: u32, seed: u64, level: Level, stream: Stream) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        bytes[12] = match level {
            Level::Core => 1,
            Level::Full => 2,
        };
        bytes[13] = match stream {
            Stream::Shape => 1,
            Stream::Faults => 2,
            Stream::Operations => 3,
        };
        Self(StdRng::from_seed(bytes))
    }

    /// Evenly from `min` to `max`, both included.
    pub(super) fn between(&mut self, min: u64, max: u64) -> u64 {
        self.0.random_range(min..=max.max(min))
    }

    /// From `min` to `max`, each order of magnitude as likely as the next.
    pub(super) fn spread(&mut self, min: u64, max: u64) -> u64 {
        let (low, high) = (min.max(1) as f64, max.max(min).max(1) as f64);
        let drawn = (low.ln() + (high.ln() - low.ln()) * self.0.random::<f64>()).exp();
        (drawn.round() as u64).clamp(min, max.max(min))
    }

    /// True in so many of a hundred draws.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }

    /// Either way, up to `max`.
    pub(super) fn signed(&mut self, max: i64) -> i64 {
        self.0.random_range(-max..=max)
    }

    /// One of some; `None` of none.
    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let last = of.len().checked_sub(1)?;
        of.get(self.between(0, last as u64) as usize).copied()
    }

    /// One of some, or what is given if there are none.
    pub(super) fn pick_or<T: Copy>(&mut self, of: &[T], or: T) -> T {
        self.pick(of).unwrap_or(or)
    }

    /// One of some by weight; `None` if all weigh nothing.
    pub(super) fn weighted<T: Copy>(&mut self, of: &[(T, u64)]) -> Option<T> {
        let sum: u64 = of.iter().map(|(_, weight)| weight).sum();
        let mut left = self.between(1, sum.max(1));
        of.iter().find_map(|&(value, weight)| {
            if weight >= left {
                return Some(value);
            }
            left -= weight;
            None
        })
    }
}
