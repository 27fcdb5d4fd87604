//! Tasks on a simulated host.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sojourn_node::env::Spawn;

use super::disk::DiskSpeed;
use super::freeze::Freezer;

/// Tasks belong to the host that spawned them, die with it and stand still
/// while it does. What may wait for a disk runs after the disk's time.
pub(crate) struct SimSpawn {
    pub(crate) freezer: Arc<Freezer>,
    pub(crate) disk: Arc<DiskSpeed>,
}

impl Spawn for SimSpawn {
    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    fn spawn(&self, _name: &'static str, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(Freezable { freezer: self.freezer.clone(), task });
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) {
        let wait = self.disk.draw();
        self.spawn(
            "disk",
            Box::pin(async move {
                // Timers tell milliseconds apart, no less.
                if wait >= Duration::from_millis(1) {
                    tokio::time::sleep(wait).await;
                }
                work();
            }),
        );
    }
}

/// A future that is not polled while its host stands still.
pub(crate) struct Freezable<F> {
    pub(crate) freezer: Arc<Freezer>,
    pub(crate) task: F,
}

impl<F: Future + Unpin> Future for Freezable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if self.freezer.holds(context.waker()) {
            return Poll::Pending;
        }
        Pin::new(&mut self.task).poll(context)
    }
}
