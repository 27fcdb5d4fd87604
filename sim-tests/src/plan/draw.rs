//! Draws a plan from a seed, swarm style: each seed decides which faults are on
//! at all and how strong ("Swarm Testing", Groce et al., ISSTA 2012).

use super::{Level, Plan};

/// The plan of a seed.
#[must_use]
pub fn draw(seed: u64, level: Level) -> Plan {
    let _ = (seed, level);
    unimplemented!("drawn by the swarm")
}
