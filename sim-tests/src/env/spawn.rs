//! Tasks on the simulated host.

use std::future::Future;
use std::pin::Pin;

use sojourn_node::env::Spawn;

/// Tasks belong to the host that spawned them and die with it; what may block
/// runs at once, because a thread pool would not be deterministic.
#[derive(Debug)]
pub struct SimSpawn;

impl Spawn for SimSpawn {
    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    fn spawn(&self, _name: &'static str, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(task);
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}
