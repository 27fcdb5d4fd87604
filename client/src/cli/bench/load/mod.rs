//! Callers that keep a target busy, in a closed or an open loop.

mod keys;
mod recorder;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use rand::Rng;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) use self::keys::Zipf;
use self::recorder::Recorder;
pub(crate) use self::recorder::histogram;
use crate::cli::args::Mix;
use crate::cli::error::CliError;
use crate::cli::host;

/// How long calls under way may take to end after the measurement.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// What a call does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Reads a session.
    Read,
    /// Writes one attribute.
    Write,
    /// Keeps a session alive.
    Touch,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// What to do.
    pub(crate) kind: Kind,
    /// Which of the sessions.
    pub(crate) session: usize,
    /// Different for each call of a caller.
    pub(crate) number: u64,
}

/// Who answers the calls.
pub(crate) trait Target: Send + Sync + 'static {
    /// Makes one call and waits for its answer.
    fn call(&self, operation: Operation) -> impl Future<Output = Result<(), String>> + Send;
}

/// How to load a target.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Callers at work at the same time.
    pub(crate) callers: u32,
    /// Calls due each second; none: each caller calls again as soon as it has an answer.
    pub(crate) rate: Option<u32>,
    /// Before measuring.
    pub(crate) warmup: Duration,
    /// While measuring.
    pub(crate) measured: Duration,
    /// What the calls do.
    pub(crate) mix: Mix,
    /// Which sessions they are about.
    pub(crate) keys: Arc<Zipf>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Latencies of calls that succeeded, in microseconds; in an open loop from when each was due.
    pub(crate) latency_us: Histogram<u64>,
    /// Calls that failed.
    pub(crate) errors: u64,
    /// Why the first of them failed.
    pub(crate) first_error: Option<String>,
    /// How long was measured.
    pub(crate) elapsed: Duration,
    /// CPU time of the server in that time, in microseconds.
    pub(crate) cpu_us: Option<u64>,
}

impl Measured {
    /// Calls that succeeded each second.
    pub(crate) fn rate(&self) -> f64 {
        self.latency_us.len() as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// CPU time of the server for one call, in microseconds.
    pub(crate) fn cpu_us_per_call(&self) -> Option<f64> {
        let calls = self.latency_us.len() + self.errors;
        self.cpu_us.filter(|_| calls > 0).map(|cpu_us| cpu_us as f64 / calls as f64)
    }
}

const WARMUP: u8 = 0;
const MEASURE: u8 = 1;
const END: u8 = 2;

/// What the callers share.
struct Run<T> {
    load: Load,
    target: T,
    recorder: Recorder,
    phase: AtomicU8,
    started: Instant,
    /// Open loop: how many calls have been taken up.
    taken: AtomicU64,
}

impl Load {
    /// Loads the target; `cpu_us` tells the CPU time of its process so far.
    pub(crate) async fn run<T: Target>(
        &self,
        target: T,
        cpu_us: impl AsyncFn() -> Option<u64>,
    ) -> Result<Measured, CliError> {
        let impossible = |error| CliError::Failed(format!("cannot make a histogram: {error}"));
        let run = Arc::new(Run {
            load: self.clone(),
            target,
            recorder: Recorder::new().map_err(impossible)?,
            phase: AtomicU8::new(WARMUP),
            started: host::now(),
            taken: AtomicU64::new(0),
        });
        let mut callers = JoinSet::new();
        for caller in 0..self.callers as usize {
            callers.spawn(run.clone().caller(caller));
        }
        tokio::time::sleep(self.warmup).await;
        let cpu_before = cpu_us().await;
        run.phase.store(MEASURE, Ordering::Relaxed);
        let begun = host::now();
        tokio::time::sleep(self.measured).await;
        let elapsed = begun.elapsed();
        run.phase.store(END, Ordering::Relaxed);
        let cpu_after = cpu_us().await;
        let drained = async { while callers.join_next().await.is_some() {} };
        // Who has no answer by then is aborted by the end of the set.
        let _ = tokio::time::timeout(DRAIN_MAX, drained).await;
        let recorded = run.recorder.take().map_err(impossible)?;
        Ok(Measured {
            latency_us: recorded.latency_us,
            errors: recorded.errors,
            first_error: recorded.first_error,
            elapsed,
            cpu_us: cpu_before.zip(cpu_after).map(|(before, after)| after.saturating_sub(before)),
        })
    }

    fn operation(&self, rng: &mut impl Rng, number: u64) -> Operation {
        let draw = rng.random_range(0..self.mix.total().max(1));
        let (reads, writes) = (u64::from(self.mix.reads), u64::from(self.mix.writes));
        let kind = match draw {
            draw if draw < reads => Kind::Read,
            draw if draw < reads + writes => Kind::Write,
            _ => Kind::Touch,
        };
        Operation { kind, session: self.keys.draw(rng), number }
    }
}

impl<T: Target> Run<T> {
    async fn caller(self: Arc<Self>, caller: usize) {
        let mut rng = host::random();
        for number in 0.. {
            let due = self.due().await;
            if self.phase.load(Ordering::Relaxed) == END {
                return;
            }
            let operation = self.load.operation(&mut rng, number);
            let outcome = self.target.call(operation).await;
            if self.phase.load(Ordering::Relaxed) == MEASURE {
                self.recorder.record(caller, due.elapsed(), outcome);
            } else if outcome.is_err() {
                // A target that refuses everything at once must not starve the clock.
                tokio::task::yield_now().await;
            }
        }
    }

    /// When the next call is due. In an open loop that does not depend on
    /// answers: calls that find no free caller are late, and that counts.
    async fn due(&self) -> Instant {
        let Some(rate) = self.load.rate else { return host::now() };
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let due = self.started + Duration::from_secs_f64(number as f64 / f64::from(rate));
        tokio::time::sleep_until(due).await;
        due
    }
}
