//! Draws a plan from a seed, swarm style: each seed decides which faults are on
//! at all and how strong ("Swarm Testing", Groce et al., ISSTA 2012).

mod action;
mod dice;
mod fault;
mod faults;
mod operations;
mod shape;
mod taken;

use self::dice::{Dice, Stream};
use super::{FaultClass, Level, PLAN_VERSION, Plan};

/// The plan of a seed. Shape, faults and operations have generators of their own,
/// so that a change of how one of them is drawn leaves the others as they were.
#[must_use]
pub fn draw(seed: u64, level: Level) -> Plan {
    let mut dice = Dice::new(PLAN_VERSION, seed, level, Stream::Shape);
    let (chaos_ms, converge_ms_max) = match level {
        Level::Core => (dice.between(8_000, 26_000), 30_000),
        Level::Full => (dice.between(60_000, 75_000), 60_000),
    };
    let mut shape = shape::draw(&mut dice, level, chaos_ms);
    let mut dice = Dice::new(PLAN_VERSION, seed, level, Stream::Faults);
    let faults = faults::draw(&mut dice, level, &shape, chaos_ms);
    if faults.iter().any(|planned| planned.fault.class() == FaultClass::LongOutage) {
        shape::shorten_log(&mut shape);
    }
    let mut dice = Dice::new(PLAN_VERSION, seed, level, Stream::Operations);
    let operations = operations::draw(&mut dice, level, &shape, chaos_ms);
    let scenario = None;
    Plan {
        version: PLAN_VERSION,
        seed,
        level,
        scenario,
        shape,
        chaos_ms,
        converge_ms_max,
        operations,
        faults,
    }
}

#[cfg(test)]
mod tests;
