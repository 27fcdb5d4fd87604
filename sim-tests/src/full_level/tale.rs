//! What the simulation tells the recorder, and the time at which it does.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::record::{Happening, Outcome, Recorder};

/// The recorder as all hosts see it. Clones share it.
///
/// Everything within one tick is told at the tick's beginning, so that time never
/// goes back although hosts run one after another.
#[derive(Clone)]
pub(crate) struct Tale {
    recorder: Arc<Mutex<Option<Recorder>>>,
    now_us: Arc<AtomicU64>,
}

impl Tale {
    pub(super) fn new(recorder: Recorder) -> Self {
        Self { recorder: Arc::new(Mutex::new(Some(recorder))), now_us: Arc::default() }
    }

    /// The time of the present tick, in microseconds since the start of the simulation.
    pub(crate) fn now_us(&self) -> u64 {
        self.now_us.load(Ordering::Relaxed)
    }

    pub(super) fn set_now_us(&self, now_us: u64) {
        self.now_us.store(now_us, Ordering::Relaxed);
    }

    /// Something happened.
    pub(super) fn tell(&self, happening: Happening) {
        if let Some(recorder) = self.recorder.lock().as_mut() {
            recorder.record(self.now_us(), happening);
        }
    }

    /// Something too detailed to judge happened.
    pub(crate) fn trace(&self, detail: &impl Hash) {
        if let Some(recorder) = self.recorder.lock().as_mut() {
            recorder.trace(self.now_us(), detail);
        }
    }

    /// Whether an invariant is broken, so that the run may end.
    pub(super) fn is_broken(&self) -> bool {
        self.recorder.lock().as_ref().is_some_and(Recorder::is_broken)
    }

    /// The end; whatever is told later is lost.
    pub(super) fn finish(&self) -> Option<Outcome> {
        let recorder = self.recorder.lock().take()?;
        Some(recorder.finish(self.now_us()))
    }
}
