//! Deterministic simulation of the shipped node and client: the same `run`, on
//! a simulated network, clock, disk and randomness.

pub mod certificates;
pub mod cluster;
pub mod env;
pub mod oracle;
pub mod region_cut;
