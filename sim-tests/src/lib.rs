//! Deterministic simulation of the shipped node and client library.
//!
//! A [`plan`] says what will be done and what will go wrong; [`run`] runs it at
//! the core level or the full level; the [`record`] of what happened is judged
//! by one oracle and one set of invariants.

#[cfg(not(tokio_unstable))]
compile_error!(
    "the simulator needs `--cfg tokio_unstable` (see .cargo/config.toml; a RUSTFLAGS variable overrides it)"
);

mod certificates;
mod cluster;
mod core_level;
pub mod coverage;
pub mod drill;
mod env;
mod full_level;
mod invariants;
mod names;
mod oracle;
pub mod places;
pub mod plan;
pub mod prose;
pub mod record;
pub mod region_cut;
mod region_oracle;
mod run;
pub mod scenarios;
pub mod shrink;

pub use names::Unknown;
pub use run::{RunError, run};
