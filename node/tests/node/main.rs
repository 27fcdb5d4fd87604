//! Tests of nodes as they are shipped: sled on real disks, TLS on real sockets, processes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and runs on the real runtime"
)]

mod cluster;
mod daemon;
mod idle;
mod kill;
mod single_node;
mod support;
mod transport;
