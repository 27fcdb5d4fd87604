//! Whether a node takes calls.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Whether a node takes calls; unready at first.
#[derive(Debug)]
pub struct Readiness {
    // Each call looks at the flag; the watch is for those who wait for a change.
    flag: AtomicBool,
    changes: watch::Sender<bool>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self { flag: AtomicBool::new(false), changes: watch::Sender::new(false) }
    }
}

impl Readiness {
    /// Sets it.
    pub fn set(&self, ready: bool) {
        self.flag.store(ready, Ordering::Relaxed);
        self.changes.send_if_modified(|last| std::mem::replace(last, ready) != ready);
    }

    /// Whether it takes calls now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Follows it.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.changes.subscribe()
    }
}
