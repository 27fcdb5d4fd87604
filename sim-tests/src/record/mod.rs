//! What happened in a run: hashed always, judged as it happens, kept if somebody wants to look at it.

mod happening;

pub use happening::{
    Answer, Content, Counts, FeedEvent, Happening, IdName, LOST_RECORD, LostDisk, NodeState, Outcome, Phase,
    Refusal, RegionFreshness, Sample, Shown, Violation,
};

use std::hash::Hash;

use xxhash_rust::xxh3::Xxh3;

use crate::invariants::Judges;
use crate::plan::Plan;

/// True time at the start of every run, in milliseconds since the Unix epoch
/// (2026-01-01T00:00:00Z): stamps and deadlines look like real ones.
pub const EPOCH_MS: u64 = 1_767_225_600_000;

/// Takes what the world says. Both levels speak to the same recorder, and
/// therefore to the same oracle and the same invariants.
pub struct Recorder {
    trace: Xxh3,
    judges: Judges,
    timeline: Option<Vec<(u64, Happening)>>,
    happenings: u64,
    faults_begun: u64,
    is_held_back: bool,
    violation: Option<Violation>,
}

impl Recorder {
    /// A recorder for one run; `keep` keeps the timeline, for a report.
    #[must_use]
    pub fn new(plan: &Plan, keep: bool) -> Self {
        Self {
            trace: Xxh3::new(),
            judges: Judges::all(plan),
            timeline: keep.then(Vec::new),
            happenings: 0,
            faults_begun: 0,
            is_held_back: false,
            violation: None,
        }
    }

    /// Something happened, so many microseconds of true time after the start of
    /// the run. False once an invariant is broken: the run may end.
    pub fn record(&mut self, at_us: u64, happening: Happening) -> bool {
        (at_us, &happening).hash(&mut self.trace);
        self.happenings += 1;
        self.faults_begun += u64::from(matches!(happening, Happening::FaultBegan { .. }));
        self.is_held_back |= happening == Happening::HeldBack;
        if self.violation.is_none() {
            self.violation = self.judges.judge(at_us, &happening).err();
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.push((at_us, happening));
        }
        self.violation.is_none()
    }

    /// Adds to the trace what is too detailed to judge: a message sent, a random number drawn.
    pub fn trace(&mut self, at_us: u64, detail: &impl Hash) {
        (at_us, detail).hash(&mut self.trace);
    }

    /// True once an invariant is broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.violation.is_some()
    }

    /// The end of a run that took so much simulated time.
    #[must_use]
    pub fn finish(mut self, simulated_us: u64) -> Outcome {
        if self.violation.is_none() {
            self.violation = self.judges.finish(simulated_us).err();
        }
        Outcome {
            violation: self.violation,
            is_held_back: self.is_held_back,
            trace_hash: self.trace.digest128(),
            happenings: self.happenings,
            simulated_us,
            counts: self.judges.counts(),
            faults_begun: self.faults_begun,
            faults: self.judges.faults(),
            timeline: self.timeline.unwrap_or_default(),
        }
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("happenings", &self.happenings).finish_non_exhaustive()
    }
}
