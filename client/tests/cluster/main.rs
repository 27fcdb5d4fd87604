//! The whole product through its public interface: real processes, real sled,
//! real TLS, and links between regions that can be cut.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and waits by the real clock for real processes"
)]

mod bad_input;
mod crash;
mod harness;
mod identities;
mod newcomer;
mod raw;
mod regions;
