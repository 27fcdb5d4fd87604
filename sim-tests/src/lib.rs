//! Deterministic simulation of the shipped node and client library.
//!
//! A [`plan`] says what will be done and what will go wrong; [`run`] runs it at
//! the core level or the full level; the [`record`] of what happened is judged
//! by one oracle and one set of invariants.

#[cfg(not(tokio_unstable))]
compile_error!(
    "the simulator needs `--cfg tokio_unstable` (see .cargo/config.toml; a RUSTFLAGS variable overrides it)"
);

mod core_level;
mod env;
mod full_level;
mod interpose;
mod invariants;
mod oracle;
pub mod plan;
pub mod record;
mod run;

pub use full_level::INEXPRESSIBLE;
pub use run::{RunError, run};
