//! Sessions that are listed and take a place, although they are over.

use std::time::Duration;

use super::super::deadline::Deadline;
use super::super::handler::{Handler, Target};
use crate::directory::{Entry, Principal};
use crate::session::{Key, Liveness, SecretHash, SessionView};

/// For how long a session may be listed and not be found, in milliseconds: it is listed
/// before it is made, and its line may arrive before it does.
const NOT_FOUND_MS_MAX: u64 = 60_000;

/// Sessions that are looked at for one login.
const LOOKS_MAX: usize = 64;

impl Handler {
    /// Listed sessions of a principal that are over: lapsed, ended or gone; the oldest logins
    /// first, at most `wanted`. One that lapsed here may have been used in a region that
    /// cannot be reached: where one has to end anyway, it is the one to end.
    pub(super) async fn over(
        &self,
        principal: &Principal,
        name: &str,
        listed: &[&Entry],
        wanted: usize,
        now_ms: u64,
        deadline: Deadline,
    ) -> Vec<Key> {
        // The login itself is to have most of the time.
        let until = self.env.clock.monotonic() + deadline.left_to_wait(&*self.env.clock) / 4;
        let mut over = Vec::new();
        for entry in listed.iter().rev().take(LOOKS_MAX) {
            if over.len() >= wanted {
                break;
            }
            let wait = until.saturating_sub(self.env.clock.monotonic());
            if self.is_over(principal, name, entry, now_ms, wait).await {
                over.push(entry.key);
            }
        }
        over
    }

    /// Whether a listed session is over, as far as this node can tell.
    async fn is_over(
        &self,
        principal: &Principal,
        name: &str,
        entry: &Entry,
        now_ms: u64,
        wait: Duration,
    ) -> bool {
        let shown = SecretHash::FIRST;
        let target = Target { key: entry.key, partition: self.engine.partition(&entry.key), shown };
        let Ok(found) = self.find(target, wait).await else { return false };
        let Some(state) = found else { return now_ms > entry.login_ms.saturating_add(NOT_FOUND_MS_MAX) };
        let Ok(view) = SessionView::open(&state, &self.decode_limits) else { return false };
        match view.liveness(now_ms) {
            Liveness::Expired | Liveness::Revoked => true,
            Liveness::Partial => false,
            // One that is somebody else's by now, or nobody's yet, is none to end.
            Liveness::Live => view.login().ok().flatten().is_some_and(|auth| {
                *auth.principal == *name && principal.ended(&entry.key, &auth, 0, now_ms).is_some()
            }),
        }
    }
}
