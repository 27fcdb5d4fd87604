//! The Sojourn server: sessions that every region reads and writes locally, as
//! CRDTs that meet again without losing a field.
//!
//! ARCHITECTURE.md at the top of the repository is the map of these modules.

pub mod api;
pub mod config;
pub mod daemon;
pub mod engine;
pub mod env;
pub mod membership;
pub mod placement;
pub mod replication;
pub mod run;
pub mod security;
pub mod session;
pub mod store;
pub mod telemetry;
pub mod transport;
