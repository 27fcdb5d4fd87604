//! The client against nodes that run in this process: real gRPC and TLS over
//! connections in memory, with sessions that are just a map.

#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests, helpers included")]

#[cfg(feature = "web")]
#[path = "../browser/mod.rs"]
mod browser;
mod failover;
mod identity;
mod multiplexing;
mod read_cache;
mod support;
#[cfg(feature = "tower-sessions")]
mod tower_store;
mod typed;
#[cfg(feature = "web")]
mod web;
