//! Every call that was sent, with what became of it.

use std::collections::BTreeMap;

use super::named::Named;
use super::time::spoken;
use crate::plan::{Plan, PlannedOperation, SessionId};
use crate::prose::{self, Names};
use crate::record::{Answer, Happening, Outcome};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    Succeeded,
    Partly,
    Refused,
    Unknown,
    Unanswered,
}

impl Ending {
    /// All of them, the best first.
    pub(super) const ALL: [Self; 5] =
        [Self::Succeeded, Self::Partly, Self::Refused, Self::Unknown, Self::Unanswered];

    /// Its name for readers, and the name of its symbol.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Partly => "partly",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Unanswered => "unanswered",
        }
    }
}

/// One sending of an operation.
pub(super) struct Call<'a> {
    pub(super) number: usize,
    pub(super) again: bool,
    pub(super) sent_us: u64,
    pub(super) answer: Option<(u64, &'a Answer)>,
    /// None for calls of the liveness phase.
    pub(super) planned: Option<&'a PlannedOperation>,
}

impl Call<'_> {
    pub(super) fn ending(&self) -> Ending {
        match self.answer {
            None => Ending::Unanswered,
            Some((_, Answer::Acknowledged { .. } | Answer::Read { .. })) => Ending::Succeeded,
            Some((_, Answer::Partly { .. })) => Ending::Partly,
            Some((_, Answer::Refused(_))) => Ending::Refused,
            Some((_, Answer::Unknown)) => Ending::Unknown,
        }
    }

    pub(super) fn session(&self) -> Option<SessionId> {
        self.planned.map(|planned| planned.session)
    }

    /// Its number, marked if it is a second sending.
    pub(super) fn name(&self) -> String {
        format!("{}{}", self.number, if self.again { " again" } else { "" })
    }

    /// The answer in words.
    pub(super) fn said(&self, names: &Names) -> String {
        self.answer.map_or_else(|| "no answer".into(), |(_, answer)| prose::answer(answer, names))
    }

    /// Everything about it.
    pub(super) fn title(&self, names: &Names) -> String {
        let took = self.answer.map(|(at_us, _)| format!(" after {}", spoken(at_us - self.sent_us)));
        format!(
            "{}, at {}: {}{}",
            prose::call(self.number, self.again, self.planned),
            spoken(self.sent_us),
            self.said(names),
            took.unwrap_or_default()
        )
    }
}

/// All calls by the time they were sent.
pub(super) fn collect<'a>(plan: &'a Plan, outcome: &'a Outcome) -> Vec<Call<'a>> {
    let mut calls: Vec<Call<'a>> = Vec::new();
    let mut places: BTreeMap<(usize, bool), usize> = BTreeMap::new();
    for (at_us, happening) in &outcome.timeline {
        match happening {
            Happening::Invoked { operation, again, .. } => {
                places.insert((*operation, *again), calls.len());
                calls.push(Call {
                    number: *operation,
                    again: *again,
                    sent_us: *at_us,
                    answer: None,
                    planned: plan.operations.get(*operation),
                });
            }
            Happening::Answered { operation, again, answer } => {
                let call = places.get(&(*operation, *again)).and_then(|place| calls.get_mut(*place));
                if let Some(call) = call {
                    call.answer.get_or_insert((*at_us, answer));
                }
            }
            _ => {}
        }
    }
    calls
}

/// At most so many calls, by time: those that the violation names first, then
/// those that did not succeed, then others at even distances.
pub(super) fn chosen<'c, 'a>(calls: &'c [Call<'a>], named: &Named, count_max: usize) -> Vec<&'c Call<'a>> {
    let rank = |call: &Call<'_>| match () {
        () if call.session().is_some_and(|session| named.sessions.contains(&session)) => 0,
        () if named.operations.contains(&call.number) => 0,
        () if call.ending() != Ending::Succeeded => 1,
        () => 2,
    };
    let mut kept: Vec<usize> = Vec::new();
    for wanted in 0..=2 {
        let of_rank: Vec<usize> = (0..calls.len()).filter(|at| rank(&calls[*at]) == wanted).collect();
        let room = count_max - kept.len();
        let step = of_rank.len().div_ceil(room.max(1)).max(1);
        kept.extend(of_rank.into_iter().step_by(step).take(room));
    }
    kept.sort_unstable();
    kept.into_iter().map(|at| &calls[at]).collect()
}
