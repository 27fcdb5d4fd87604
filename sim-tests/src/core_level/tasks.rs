//! The tasks of one life of a node: they stand still while it is paused and end with it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_node::env::{Rng, SeedableRng, Spawn, StdRng};
use tokio::task::AbortHandle;

use crate::plan::Latency;

/// Handles of tasks that have ended are dropped when there are more than this.
const HANDLES_MAX: usize = 64;

/// How long a node's disk takes.
pub(super) struct DiskTiming {
    healthy: Latency,
    slower_ms: AtomicU64,
    was_slow: AtomicBool,
    rng: Mutex<StdRng>,
}

impl DiskTiming {
    pub(super) fn new(healthy: Latency, seed: u64) -> Self {
        let (slower_ms, was_slow) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { healthy, slower_ms, was_slow, rng: Mutex::new(StdRng::seed_from_u64(seed)) }
    }

    /// Each call takes so much longer from now on.
    pub(super) fn set_slower(&self, by_ms: u64) {
        self.slower_ms.store(by_ms, Ordering::Relaxed);
        self.was_slow.store(false, Ordering::Relaxed);
    }

    /// Whether anybody has waited for it since it was made slower.
    pub(super) fn was_slow(&self) -> bool {
        self.was_slow.load(Ordering::Relaxed)
    }

    fn draw(&self) -> Duration {
        let us = self.rng.lock().random_range(self.healthy.us_min..=self.healthy.us_max);
        let slower_ms = self.slower_ms.load(Ordering::Relaxed);
        if slower_ms > 0 {
            self.was_slow.store(true, Ordering::Relaxed);
        }
        Duration::from_micros(us) + Duration::from_millis(slower_ms)
    }
}

#[derive(Default)]
struct Fate {
    paused: AtomicBool,
    dead: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
    handles: Mutex<Vec<AbortHandle>>,
}

/// Starts tasks of one life of a node.
#[derive(Clone)]
pub(super) struct Tasks {
    fate: Arc<Fate>,
    disk: Arc<DiskTiming>,
}

impl Tasks {
    pub(super) fn new(disk: Arc<DiskTiming>) -> Self {
        Self { fate: Arc::default(), disk }
    }

    /// Nothing goes on until [`Self::resume`].
    pub(super) fn pause(&self) {
        self.fate.paused.store(true, Ordering::Relaxed);
    }

    pub(super) fn resume(&self) {
        self.fate.paused.store(false, Ordering::Relaxed);
        self.fate.waiting.lock().drain(..).for_each(Waker::wake);
    }

    /// No task does anything any more.
    pub(super) fn kill(&self) {
        self.fate.dead.store(true, Ordering::Relaxed);
        self.fate.handles.lock().drain(..).for_each(|handle| handle.abort());
    }

    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    pub(super) fn start(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        if self.fate.dead.load(Ordering::Relaxed) {
            return;
        }
        let task = tokio::spawn(Fated { task: Some(task), fate: self.fate.clone() });
        let mut handles = self.fate.handles.lock();
        if handles.len() >= HANDLES_MAX {
            handles.retain(|handle| !handle.is_finished());
        }
        handles.push(task.abort_handle());
    }
}

impl Spawn for Tasks {
    fn spawn(&self, _name: &'static str, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.start(task);
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) {
        let delay = self.disk.draw();
        self.start(Box::pin(async move {
            tokio::time::sleep(delay).await;
            work();
        }));
    }
}

/// A task that shares its node's fate.
struct Fated {
    task: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    fate: Arc<Fate>,
}

impl Future for Fated {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.fate.dead.load(Ordering::Relaxed) {
            self.task = None;
        } else if self.fate.paused.load(Ordering::Relaxed) {
            self.fate.waiting.lock().push(context.waker().clone());
            return Poll::Pending;
        }
        self.task.as_mut().map_or(Poll::Ready(()), |task| task.as_mut().poll(context))
    }
}
