//! A cluster in memory.

mod certificates;
mod cluster;
mod network;
mod node;
mod sessions;

pub(crate) use certificates::Authority;
pub(crate) use cluster::{Cluster, NodeAt};
pub(crate) use node::Behaviour;

use std::time::Duration;

/// Waits until something is so, for ten seconds at most.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}
