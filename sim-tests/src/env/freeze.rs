//! A host that stands still.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

/// Whether a host stands still, and who waits for it to go on.
#[derive(Default)]
pub(crate) struct Freezer {
    frozen: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
    held: AtomicBool,
}

impl Freezer {
    /// Stops all tasks of the host, or lets them go on.
    pub(crate) fn set(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::Relaxed);
        if frozen {
            self.held.store(false, Ordering::Relaxed);
            return;
        }
        for waiting in self.waiting.lock().drain(..) {
            waiting.wake();
        }
    }

    /// Whether a task wanted to run since the host stands still.
    pub(crate) fn held_something(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether the host stands still; then it wakes the task once it goes on.
    pub(super) fn holds(&self, task: &Waker) -> bool {
        let frozen = self.frozen.load(Ordering::Relaxed);
        if frozen {
            self.held.store(true, Ordering::Relaxed);
            self.waiting.lock().push(task.clone());
        }
        frozen
    }
}
