//! Levels of calls, from the arguments to the client library.

use sojourn_client::{Consistency, Durability};

use crate::cli::args::{DurabilityLevel, Level, ReadLevel};

/// A write at the levels that were asked for; where none was, it names none.
macro_rules! at_levels {
    ($call:expr, $write:expr) => {{
        let (mut call, write): (_, $crate::cli::args::WriteArgs) = ($call, $write);
        if let Some(level) = write.consistency {
            call = call.consistency($crate::cli::commands::levels::write_level(level));
        }
        if let Some(level) = write.durability {
            call = call.durability($crate::cli::commands::levels::durability(level));
        }
        call
    }};
}

pub(super) use at_levels;

/// How many replicas a read asks.
pub(super) fn read_level(level: ReadLevel) -> Consistency {
    match level {
        ReadLevel::LocalOne => Consistency::LocalOne,
        ReadLevel::LocalQuorum => Consistency::LocalQuorum,
        ReadLevel::All => Consistency::All,
    }
}

/// When a write is on disk.
pub(super) fn durability(level: DurabilityLevel) -> Durability {
    match level {
        DurabilityLevel::Buffered => Durability::Buffered,
        DurabilityLevel::Synced => Durability::Synced,
    }
}

/// How many replicas must have a write.
pub(super) fn write_level(level: Level) -> Consistency {
    match level {
        Level::LocalOne => Consistency::LocalOne,
        Level::LocalQuorum => Consistency::LocalQuorum,
        Level::EachQuorum => Consistency::EachQuorum,
        Level::All => Consistency::All,
    }
}
