//! How writes travel between nodes: push, gossip, transfer, and fetch.
//!
//! [`core`] is pure and decides what goes to whom; `driver` owns the streams.
//! An entry takes the first of these ways that works, each slower than the one
//! before: pushed at once from memory; read from the log for a peer that fell
//! behind; transferred as full states when the log no longer reaches back. All
//! of them end in the engine's merge, so none needs order or exactly-once.

pub mod batch;
mod config;
pub mod core;
mod varint;
pub mod vectors;

pub use config::{ReplicationConfig, ReplicationConfigError};
/// stub
pub struct Replication;
#[allow(missing_docs)]
impl Replication {
    pub fn start(
        _: std::sync::Arc<crate::engine::Engine>,
        _: crate::membership::MembershipWatch,
        _: std::sync::Arc<dyn crate::transport::PeerChannels>,
        _: ReplicationConfig,
        _: crate::env::Environment,
    ) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self)
    }
    pub async fn shutdown(&self) {}
}
