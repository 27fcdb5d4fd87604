//! Tasks.

use std::future::Future;
use std::pin::Pin;

/// Starts tasks; the simulation's implementation ties them to a simulated host.
pub trait Spawn: Send + Sync + 'static {
    /// Runs a task in the background until it ends or the runtime does.
    fn spawn(&self, name: &'static str, task: Pin<Box<dyn Future<Output = ()> + Send>>);

    /// Runs work that may wait for a disk, where it does not hold up other tasks.
    fn blocking(&self, work: Box<dyn FnOnce() + Send>);
}

/// Tasks on the current tokio runtime.
#[derive(Debug)]
pub struct TokioSpawn;

impl Spawn for TokioSpawn {
    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    fn spawn(&self, name: &'static str, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(async move {
            task.await;
            tracing::trace!(task = name, "task ended");
        });
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) {
        tokio::task::spawn_blocking(work);
    }
}
