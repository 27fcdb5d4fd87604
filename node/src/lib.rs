//! The Sojourn server: sessions that every region reads and writes locally, as
//! CRDTs that meet again without losing a field.
//!
//! ARCHITECTURE.md at the top of the repository is the map of these modules.

/// True if a planted fault is active; a plain `false` without the feature `planted-bugs`.
macro_rules! planted {
    ($plant:ident) => {{
        #[cfg(feature = "planted-bugs")]
        let active = crate::planted::is_active(crate::planted::Plant::$plant);
        #[cfg(not(feature = "planted-bugs"))]
        let active = false;
        active
    }};
}

pub mod api;
pub mod config;
pub mod daemon;
pub mod engine;
pub mod env;
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
