//! Hybrid logical clock stamps (Kulkarni et al., "Logical Physical Clocks", 2014).

use super::Origin;

/// A point in hybrid time: the order in which concurrent writes win.
///
/// `hlc` has 48 bits of milliseconds since the Unix epoch and 16 of counter.
/// A node never gives the same `hlc` twice within one incarnation, so stamps are
/// unique and totally ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Milliseconds and counter.
    pub hlc: u64,
    /// Breaks ties.
    pub origin: Origin,
}

impl Stamp {
    /// The millisecond part.
    #[must_use]
    pub fn wall_ms(self) -> u64 {
        self.hlc >> 16
    }
}
