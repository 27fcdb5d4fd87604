//! The Sojourn server: sessions that every region reads and writes locally, as
//! CRDTs that meet again without losing a field.
//!
//! ARCHITECTURE.md at the top of the repository is the map of these modules.

/// True if a planted fault is active.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($plant:ident) => {
        crate::planted::is_active(crate::planted::Plant::$plant)
    };
}

/// Without the feature `planted-bugs` no fault is there, and nothing is left of this.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($plant:ident) => {
        false
    };
}

pub mod api;
pub mod config;
pub mod daemon;
pub mod directory;
pub mod engine;
pub mod env;
pub mod feed;
pub mod membership;
pub mod placement;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod replication;
pub mod run;
pub mod security;
pub mod session;
pub mod store;
pub mod telemetry;
pub mod transport;
