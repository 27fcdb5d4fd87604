//! The seams of one node.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use sojourn_node::env::{Connection, Environment, Listener, Network, SharedRng};

use super::clock::NodeClock;
use super::tasks::Tasks;

/// Nothing at this level opens a socket.
struct NoNetwork;

#[async_trait]
impl Network for NoNetwork {
    async fn listen(&self, _address: &str) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect(&self, _address: &str) -> io::Result<Box<dyn Connection>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(super) fn environment(clock: Arc<NodeClock>, tasks: Tasks, seed: u64) -> Environment {
    let (rng, network) = (SharedRng::from_seed(seed), Arc::new(NoNetwork));
    Environment { clock, rng, network, spawn: Arc::new(tasks) }
}
