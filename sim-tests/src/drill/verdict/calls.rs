//! How calls ended, by region, while something was wrong and while all was well.

use std::collections::BTreeMap;

use crate::plan::Plan;
use crate::prose::{Names, count as counted};
use crate::record::{Answer, Happening, Phase, Refusal};

/// Calls by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Answered: done, read, or a plain "not there", "ended" or "under another id".
    pub answered: u64,
    /// Certainly changed nothing, because of the cluster's state.
    pub refused: u64,
    /// Nobody can tell, or made with too few confirmations.
    pub unclear: u64,
    /// The longest wait for an answer, in milliseconds.
    pub slowest_ms: u64,
}

impl Calls {
    fn add(&mut self, answer: &Answer, took_ms: u64) {
        match answer {
            Answer::Acknowledged { .. }
            | Answer::Read { .. }
            | Answer::Refused(
                Refusal::NotFound
                | Refusal::Revoked
                | Refusal::Rotated
                | Refusal::AlreadyRotated
                | Refusal::AlreadyExists,
            ) => {
                self.answered += 1;
                self.slowest_ms = self.slowest_ms.max(took_ms);
            }
            Answer::Refused(_) => self.refused += 1,
            Answer::Partly { .. } | Answer::Unknown => self.unclear += 1,
        }
    }

    fn total(&self) -> u64 {
        self.answered + self.refused + self.unclear
    }
}

/// Counts the planned calls of a run; those of the liveness phase belong to nobody.
pub(super) fn count(plan: &Plan, timeline: &[(u64, Happening)], calls: &mut BTreeMap<usize, (Calls, Calls)>) {
    let (mut wrong, mut healed) = (0_usize, false);
    let mut open: BTreeMap<(usize, bool), (u64, bool)> = BTreeMap::new();
    for (at_us, happening) in timeline {
        match happening {
            Happening::FaultBegan { .. } => wrong += 1,
            Happening::FaultEnded { .. } => wrong = wrong.saturating_sub(1),
            Happening::Phase(phase) => healed |= *phase != Phase::Chaos,
            Happening::Invoked { operation, again, .. } => {
                open.insert((*operation, *again), (*at_us, wrong > 0 && !healed));
            }
            Happening::Answered { operation, again, answer } => {
                let Some((sent_us, was_wrong)) = open.remove(&(*operation, *again)) else { continue };
                let Some(planned) = plan.operations.get(*operation) else { continue };
                let (well, wrong) = calls.entry(plan.shape.region_of_client(planned.client)).or_default();
                let side = if was_wrong { wrong } else { well };
                side.add(answer, at_us.saturating_sub(sent_us) / 1_000);
            }
            _ => {}
        }
    }
}

/// One line a region.
pub(super) fn table(calls: &BTreeMap<usize, (Calls, Calls)>, names: &Names) -> Vec<String> {
    if calls.is_empty() {
        return vec!["No call was made.".to_owned()];
    }
    let mut lines = vec!["Calls by the users of each region:".to_owned()];
    for (region, (well, wrong)) in calls {
        let region = names.region(*region);
        lines.push(format!("  {region:<8} while something was wrong: {}", said(wrong)));
        lines.push(format!("  {:<8} while all was well:          {}", "", said(well)));
    }
    lines
}

fn said(calls: &Calls) -> String {
    if calls.total() == 0 {
        return "no call".to_owned();
    }
    let share = calls.answered as f64 * 100.0 / calls.total() as f64;
    format!(
        "{}: {} answered ({share:.1} %, slowest {} ms), {} refused, {} unclear",
        counted(calls.total(), "call"),
        calls.answered,
        calls.slowest_ms,
        calls.refused,
        calls.unclear
    )
}
