//! What a level cannot express, it need not show.

use crate::full_level::INEXPRESSIBLE;
use crate::plan::{FaultClass, Level};

/// The fault classes that a level can express.
pub fn expressible(level: Level) -> impl Iterator<Item = FaultClass> {
    FaultClass::ALL.iter().copied().filter(move |class| is_expressible(level, *class))
}

/// Whether a level can express a fault class. The core level expresses all of them.
#[must_use]
pub fn is_expressible(level: Level, class: FaultClass) -> bool {
    level == Level::Core || INEXPRESSIBLE.iter().all(|(beyond, _)| *beyond != class)
}
