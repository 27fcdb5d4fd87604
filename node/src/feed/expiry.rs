//! Which sessions have expired since the last look.

use super::Frontier;
use crate::session::{Key, SessionView};

/// Where a session's end lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It expired between the two frontiers: tell it.
    Now(Frontier),
    /// It expires later, unless it is used.
    Later {
        /// When, in milliseconds since the Unix epoch.
        expires_at_ms: u64,
    },
    /// It was told before, or it was revoked and so does not expire.
    Never,
}

/// Judges one record: `told` is how far expiries have been told, `until` how far
/// time has come. Of a partial record only the absolute deadline is known.
#[must_use]
pub fn due(key: Key, view: &SessionView<'_>, told: Frontier, until: Frontier) -> Due {
    if view.revocation().is_some() {
        return Due::Never;
    }
    let expires_at_ms = if view.is_complete() { view.expires_at_ms() } else { view.absolute_deadline_ms() };
    let end = Frontier { ms: expires_at_ms, key };
    if end <= told {
        Due::Never
    } else if end <= until {
        Due::Now(end)
    } else {
        Due::Later { expires_at_ms }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::{Birth, Body, DecodeLimits, Origin, Revocation, Root, Session, Stamp};

    fn session(last_seen_ms: u64, idle_timeout_ms: u64, absolute_deadline_ms: u64) -> Session {
        let created = Stamp { hlc: 1 << 16, origin: Origin::default() };
        let birth = Birth { namespace: "web".into(), created, absolute_deadline_ms, idle_timeout_ms };
        let body = Body { last_seen_ms, ..Body::default() };
        Session { birth, complete: true, root: Root::Live(body) }
    }

    fn judged(session: &Session, key: Key, told: Frontier, until: Frontier) -> Due {
        let state = session.encode();
        due(key, &SessionView::open(&state, &DecodeLimits::default()).unwrap(), told, until)
    }

    #[test]
    fn a_revoked_session_does_not_expire() {
        let live = session(100, 50, 1_000);
        let stamp = Stamp { hlc: 2 << 16, origin: Origin::default() };
        let ended = live.revoked(Revocation { stamp, seq: 1, reason: "logout".into() });
        let (told, until) = (Frontier::end_of(0), Frontier::end_of(5_000));
        assert!(matches!(judged(&live, Key([1; 16]), told, until), Due::Now(_)));
        assert_eq!(judged(&ended, Key([1; 16]), told, until), Due::Never);
    }

    #[test]
    fn a_partial_session_has_its_absolute_deadline_alone() {
        let mut partial = session(100, 50, 1_000);
        partial.complete = false;
        let later = judged(&partial, Key([1; 16]), Frontier::end_of(0), Frontier::end_of(500));
        assert_eq!(later, Due::Later { expires_at_ms: 1_000 });
    }

    proptest! {
        /// However time is cut into looks, and wherever one look is broken off and
        /// taken up again, each session is told once.
        #[test]
        fn each_expiry_is_told_once(
            sessions in proptest::collection::vec((1u64..500, 1u64..300, 1u64..600), 1..20),
            mut cuts in proptest::collection::vec((0u64..700, 0u8..20), 0..12),
        ) {
            cuts.push((700, 255));
            cuts.sort_unstable();
            let mut times = vec![0; sessions.len()];
            let mut told = Frontier::end_of(0);
            for (ms, key) in cuts {
                let until = Frontier { ms, key: Key([key; 16]) };
                for (number, (seen, idle, absolute)) in sessions.iter().enumerate() {
                    let key = Key([number as u8; 16]);
                    if let Due::Now(_) = judged(&session(*seen, *idle, *absolute), key, told, until) {
                        times[number] += 1;
                    }
                }
                told = told.max(until);
            }
            prop_assert!(times.iter().all(|times| *times == 1), "{:?}", times);
        }
    }
}
