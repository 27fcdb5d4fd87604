//! Latencies of many callers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// Callers share histograms, so that many callers need little memory.
const SHARDS: usize = 16;
/// Longer latencies count as this.
const LATENCY_US_MAX: u64 = 60_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Counts outcomes.
pub(super) struct Recorder {
    shards: Vec<Mutex<Histogram<u64>>>,
    errors: AtomicU64,
    first_error: Mutex<Option<String>>,
}

/// Everything that was counted.
pub(super) struct Recorded {
    /// Latencies of calls that succeeded, in microseconds.
    pub(super) latency_us: Histogram<u64>,
    /// Calls that failed.
    pub(super) errors: u64,
    /// Why the first of them failed.
    pub(super) first_error: Option<String>,
}

impl Recorder {
    pub(super) fn new() -> Result<Self, hdrhistogram::CreationError> {
        let shards: Result<Vec<_>, _> = (0..SHARDS).map(|_| histogram().map(Mutex::new)).collect();
        Ok(Self { shards: shards?, errors: AtomicU64::new(0), first_error: Mutex::default() })
    }

    /// Counts one call.
    pub(super) fn record(&self, caller: usize, latency: Duration, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => {
                let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                self.shards[caller % SHARDS].lock().saturating_record(latency_us);
            }
            Err(error) => {
                self.errors.fetch_add(1, Ordering::Relaxed);
                self.first_error.lock().get_or_insert(error);
            }
        }
    }

    /// The sum of all shards.
    pub(super) fn take(&self) -> Result<Recorded, hdrhistogram::CreationError> {
        let mut latency_us = histogram()?;
        for shard in &self.shards {
            // All shards have the same bounds, so that adding cannot fail.
            let _ = latency_us.add(&*shard.lock());
        }
        Ok(Recorded {
            latency_us,
            errors: self.errors.load(Ordering::Relaxed),
            first_error: self.first_error.lock().take(),
        })
    }
}

/// From 1 µs to the limit.
pub(crate) fn histogram() -> Result<Histogram<u64>, hdrhistogram::CreationError> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, SIGNIFICANT_DIGITS)
}
