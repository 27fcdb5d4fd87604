//! How often an operation may have taken effect.

use std::collections::BTreeSet;

use super::{Call, CallId, Fate, Oracle};
use crate::plan::{Action, SessionId};

/// How long a node remembers an idempotency key at least, in microseconds: the
/// product's window less what a clock may be off.
const WINDOW_US: u64 = 110_000_000;

/// The same call is not tried more often than this by a client.
const ATTEMPTS_MAX: usize = 4;

impl Oracle {
    /// The most effects that an operation may have had. One, except where its
    /// idempotency key could not help: at another node, or after a restart.
    pub(super) fn effects_max(&self, operation: usize) -> usize {
        let sendings = [(operation, false), (operation, true)];
        let sendings: Vec<&Call> = sendings.iter().filter_map(|id| self.call(*id)).collect();
        let effects: Vec<&Call> = sendings.iter().copied().filter(|call| call.may_have_effect()).collect();
        if self.is_one(&effects) {
            return 1;
        }
        effects.iter().map(|call| self.tries_max(call)).sum()
    }

    /// Both sendings were made by one start of one node, so the second was recognised.
    fn is_one(&self, effects: &[&Call]) -> bool {
        let [first, second] = effects else { return false };
        let (Some((node, _)), Some((same, end_us))) = (first.made(), second.made()) else { return false };
        let start_us = first.invoked_us;
        node == same
            && end_us - start_us < WINDOW_US
            && self.nodes().restarts(node, start_us, end_us) == 0
            && !self.nodes().has_clock_trouble(node, start_us, end_us)
    }

    /// A client repeats an attempt at the same node only, which has forgotten it if it restarted.
    fn tries_max(&self, call: &Call) -> usize {
        let until_us = call.answered_us.unwrap_or(u64::MAX);
        let restarts = match call.fate {
            Fate::Acknowledged(node) | Fate::Partly(node) => {
                self.nodes().restarts(node, call.invoked_us, until_us)
            }
            _ => self.nodes().restarts_of_any(call.invoked_us, until_us),
        };
        (1 + restarts).min(ATTEMPTS_MAX)
    }

    /// The least and the most that counter `n` may show where `required` is held.
    pub(crate) fn counter_range(&self, session: SessionId, required: &BTreeSet<CallId>) -> (i64, i64) {
        let (mut least, mut most) = (0, 0);
        let adds = self.effects(session).filter_map(|call| match call.planned.action {
            Action::Add { amount } => Some((call.id.0, i64::from(amount))),
            _ => None,
        });
        for (operation, amount) in adds.collect::<BTreeSet<_>>() {
            let is_required = [false, true].iter().any(|again| required.contains(&(operation, *again)));
            let few = i64::from(is_required) * amount;
            let many = i64::try_from(self.effects_max(operation)).unwrap_or(i64::MAX) * amount;
            least += few.min(many);
            most += few.max(many);
        }
        (least, most)
    }
}
