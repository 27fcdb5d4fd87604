//! The whole product through its public interface: real processes, real sled,
//! real TLS, and links between regions that can be cut.

mod bad_input;
mod crash;
mod harness;
mod identities;
mod raw;
mod regions;
