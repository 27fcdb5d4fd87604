//! What a level cannot express, it need not show.

use crate::plan::{FaultClass, Level};

/// Of the core level.
const BEYOND_CORE: &[FaultClass] = &[];

/// Of the full level: its nodes speak over TCP, and every one of them is the shipped node.
const BEYOND_FULL: &[FaultClass] = &[FaultClass::Duplicate, FaultClass::Reorder, FaultClass::Poison];

/// The fault classes that a level can express.
pub fn expressible(level: Level) -> impl Iterator<Item = FaultClass> {
    let beyond = match level {
        Level::Core => BEYOND_CORE,
        Level::Full => BEYOND_FULL,
    };
    FaultClass::ALL.iter().copied().filter(|class| !beyond.contains(class))
}
