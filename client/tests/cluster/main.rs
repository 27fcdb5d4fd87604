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
#[cfg(feature = "web")]
#[path = "../browser/mod.rs"]
mod browser;
mod cache;
mod compare_and_set;
mod crash;
mod every_operation;
mod export;
mod feed;
mod harness;
mod identities;
mod levels;
mod lifecycle;
mod newcomer;
mod policies;
mod principals;
mod raw;
mod receipts;
mod regions;
mod rotation;
mod sessions_max;
mod staleness;
mod tokens;
#[cfg(feature = "web")]
mod web;
