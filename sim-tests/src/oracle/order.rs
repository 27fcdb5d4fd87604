//! Which write is known to have come before which.

use std::collections::BTreeSet;

use super::{Call, CallId, Oracle};

impl Oracle {
    /// True if it is certain that `later` was made at a replica that held the effect of `earlier`.
    fn has_seen(&self, later: &Call, earlier: &Call) -> bool {
        // A second sending that is recognised has no effect of its own, so it has seen no more than the first.
        if later.id.1 {
            return false;
        }
        if later.covered.contains(&earlier.id) {
            return true;
        }
        let (Some((node, later_us)), Some((same, earlier_us))) = (later.made(), earlier.made()) else {
            return false;
        };
        node == same
            && earlier_us < later.invoked_us
            && self.nodes().keeps(node, earlier.custody(), (earlier.invoked_us, earlier_us), later_us)
    }

    /// True if every effect that the operation of `earlier` may have had was seen by one of `required`
    /// that is `rival`: then `earlier` holds no more where those are held.
    pub(super) fn is_superseded(
        &self,
        earlier: &Call,
        required: &BTreeSet<CallId>,
        rival: impl Fn(&Call) -> bool,
    ) -> bool {
        let operation = earlier.id.0;
        let effects = [(operation, false), (operation, true)];
        let mut effects =
            effects.iter().filter_map(|id| self.call(*id)).filter(|call| call.may_have_effect());
        let later = required.iter().filter(|id| id.0 != operation).filter_map(|id| self.call(*id));
        let later: Vec<&Call> = later.filter(|call| rival(call)).collect();
        // Different effects may have been seen by different rivals.
        effects.all(|effect| later.iter().any(|later| self.has_seen(later, effect)))
    }

    /// True unless it is certain that the operation of `rival` was over before `earlier` was sent.
    pub(super) fn may_follow(&self, rival: &Call, earlier: &Call) -> bool {
        rival.id.0 != earlier.id.0 && !rival.ended_before(self.first_sent_us(earlier))
    }
}
