//! When a session may be over, by true time.

use std::collections::BTreeSet;

use super::content::Look;
use super::{Call, CallId, Oracle};
use crate::plan::{Action, SessionId};

/// A touch that would move the idle deadline by less than this share of the idle time-out is passed over.
const TOUCH_SHARE: u64 = 20;

impl Oracle {
    /// How far two sound clocks may be apart, and what rounding adds.
    pub(super) fn tolerance_us(&self) -> u64 {
        1_000 * self.plan().shape.clock_offset_ms_max + 100_000
    }

    /// False only if the session cannot have run out for a reader of this look who holds `required`.
    pub(super) fn may_be_expired(&self, look: Look<'_>, required: &BTreeSet<CallId>) -> bool {
        let looked_us = look.until_us;
        let is_off = match look.node {
            Some(node) => {
                self.nodes().has_clock_trouble(node, looked_us.saturating_sub(5_000_000), looked_us)
            }
            None => self.nodes().has_any_clock_trouble(looked_us),
        };
        let Some(absolute_us) = self.absolute_deadline_us_min(look.session) else { return true };
        let idle_us = 1_000 * self.plan().shape.idle_timeout_ms;
        let uses = required.iter().filter_map(|id| self.call(*id)).filter(|call| !self.was_clock_off(call));
        let used_us = uses.filter_map(|call| match call.planned.action {
            Action::Create => Some(self.first_sent_us(call)),
            Action::Touch => Some(self.first_sent_us(call).saturating_sub(idle_us / TOUCH_SHARE)),
            _ => None,
        });
        let Some(used_us) = used_us.max() else { return true };
        is_off || looked_us + self.tolerance_us() >= absolute_us.min(used_us + idle_us)
    }

    /// The earliest that the absolute deadline of a session can be, by true time;
    /// none if that cannot be said.
    pub(crate) fn absolute_deadline_us_min(&self, session: SessionId) -> Option<u64> {
        let creates = self.creates(session);
        if creates.iter().any(|create| self.was_clock_off(create)) {
            return None;
        }
        let first_us = creates.iter().map(|create| create.invoked_us).min()?;
        Some(first_us + 1_000 * self.plan().shape.absolute_timeout_ms)
    }

    /// The earliest that the idle deadline of a session can be if nobody uses it, by true
    /// time; none if that cannot be said.
    pub(crate) fn idle_deadline_us_min(&self, session: SessionId) -> Option<u64> {
        let shape = &self.plan().shape;
        let absolute_us = self.absolute_deadline_us_min(session)?;
        Some(absolute_us - 1_000 * (shape.absolute_timeout_ms - shape.idle_timeout_ms))
    }

    /// The latest that the absolute deadline can be; none if that cannot be said.
    pub(crate) fn absolute_deadline_us_max(&self, session: SessionId) -> Option<u64> {
        let creates = self.creates(session);
        if creates.iter().any(|create| self.was_clock_off(create)) {
            return None;
        }
        let ends = creates.iter().map(|create| create.made().map_or(self.now_us, |(_, made_us)| made_us));
        Some(ends.max()? + 1_000 * self.plan().shape.absolute_timeout_ms + self.tolerance_us())
    }

    /// When an operation was first sent: a second sending has no effect of its own.
    pub(crate) fn first_sent_us(&self, call: &Call) -> u64 {
        self.call((call.id.0, false)).map_or(call.invoked_us, |first| first.invoked_us.min(call.invoked_us))
    }

    /// When a session is over for certain if none of the calls sent from `from_us`
    /// on keeps it alive; none if that cannot be said.
    pub(crate) fn over_us(&self, session: SessionId, from_us: u64) -> Option<u64> {
        let mut over_us = 0;
        for call in self.effects(session).filter(|call| call.invoked_us < from_us) {
            // One that is under way may still move the idle deadline.
            let (_, made_us) = call.made().filter(|_| !self.was_clock_off(call))?;
            over_us = over_us.max(made_us + 1_000 * self.plan().shape.idle_timeout_ms);
        }
        let absolute_us = self.absolute_deadline_us_max(session)?;
        Some(absolute_us.min(over_us + self.tolerance_us()))
    }

    /// The calls that may have created a session.
    pub(crate) fn creates(&self, session: SessionId) -> Vec<&Call> {
        self.effects(session).filter(|call| call.planned.action == Action::Create).collect()
    }

    /// True if the clock of the node that made it may have been off.
    fn was_clock_off(&self, call: &Call) -> bool {
        match call.made() {
            Some((node, made_us)) => self.nodes().has_clock_trouble(node, call.invoked_us, made_us),
            None => self.nodes().has_any_clock_trouble(self.now_us),
        }
    }
}
