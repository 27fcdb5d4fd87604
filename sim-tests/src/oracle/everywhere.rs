//! What a log-out everywhere may and must have ended.

use super::{Call, Oracle};
use crate::plan::{Action, SessionId};

impl Oracle {
    /// The calls that logged principals out everywhere and may have done so.
    pub(crate) fn logouts_everywhere(&self) -> impl Iterator<Item = (&Call, u8)> {
        self.calls.values().filter_map(|call| match call.planned.action {
            Action::LogOutEverywhere { principal } if call.may_have_effect() => Some((call, principal)),
            _ => None,
        })
    }

    /// Whether one of them may have ended the session.
    pub(crate) fn may_be_logged_out(&self, session: SessionId) -> bool {
        self.logouts_everywhere().any(|(_, principal)| self.logins(session, principal).next().is_some())
    }

    /// The logins of a principal to a session that may have taken effect.
    pub(crate) fn logins(&self, session: SessionId, principal: u8) -> impl Iterator<Item = &Call> {
        let login = Action::Login { principal };
        self.effects(session).filter(move |call| call.planned.action == login)
    }

    /// Whether every login of the principal to the session was over before the call was sent
    /// first, so that none of them can have known of it. A node that remembers the first
    /// sending answers the second without making it again.
    pub(crate) fn all_logged_in_before(&self, session: SessionId, principal: u8, logout: &Call) -> bool {
        let first = self.call((logout.id.0, false)).unwrap_or(logout);
        let mut logins = self.logins(session, principal);
        logins.all(|login| login.ended_before(first.invoked_us))
    }
}
