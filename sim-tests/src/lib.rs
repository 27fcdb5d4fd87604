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
pub mod coverage;
pub mod drill;
mod env;
mod failing;
mod full_level;
mod ids;
mod interpose;
mod invariants;
mod names;
mod oracle;
pub mod places;
pub mod plan;
#[cfg(feature = "planted-bugs")]
pub mod plants;
pub mod prose;
pub mod record;
pub mod report;
mod run;
pub mod scenarios;
pub mod shrink;

pub use failing::Failing;
pub use full_level::INEXPRESSIBLE;
pub use names::Unknown;
#[cfg(feature = "planted-bugs")]
pub use run::run_planted;
pub use run::{RunError, SIMULATION_THREAD, panic_message, played_here, run};
