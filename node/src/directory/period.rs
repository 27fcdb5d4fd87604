//! PURE. For how long a principal is remembered.
//!
//! A principal has a record for each period in which something happened to it. A
//! session lives for a period at most, so what is said of it stands in the record
//! of now or in the one before. A record ends a period after its own: then no
//! session is left that it could be about, and it goes like any expired session.

use std::collections::BTreeSet;

use crate::session::Key;
use crate::session::limits::TIMEOUT_MS_CEILING;

/// The length of a period, in milliseconds.
pub const PERIOD_MS: u64 = TIMEOUT_MS_CEILING;

/// How far a writer's clock may be ahead of a reader's, in milliseconds; generously.
const AHEAD_MS: u64 = 60_000;

const KIND: &str = "principal";

/// Where a principal's records are.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The cluster's secret for keys.
    pub secret: &'a [u8; 32],
    /// The namespace.
    pub namespace: &'a str,
    /// The principal.
    pub principal: &'a str,
}

impl Place<'_> {
    /// The record to write at this time, and when it ends, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn current(&self, now_ms: u64) -> (Key, u64) {
        let period = now_ms / PERIOD_MS;
        (self.key(period), (period + 2).saturating_mul(PERIOD_MS))
    }

    /// The records that may say something about sessions alive at this time, the newest last.
    #[must_use]
    pub fn relevant(&self, now_ms: u64) -> Vec<Key> {
        let times = [now_ms.saturating_sub(PERIOD_MS), now_ms, now_ms.saturating_add(AHEAD_MS)];
        let periods: BTreeSet<u64> = times.iter().map(|time_ms| time_ms / PERIOD_MS).collect();
        periods.into_iter().map(|period| self.key(period)).collect()
    }

    fn key(&self, period: u64) -> Key {
        Key::global(self.secret, KIND, &[self.namespace, self.principal, &period.to_string()])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place<'static> = Place { secret: &[7; 32], namespace: "shop", principal: "ada" };

    proptest! {
        #[test]
        fn what_is_written_is_read_for_as_long_as_a_session_may_live(
            written_ms in 0..u64::MAX / 4, after_ms in 0..=PERIOD_MS, ahead_ms in 0..AHEAD_MS,
        ) {
            let (key, ends_ms) = PLACE.current(written_ms);
            prop_assert!(PLACE.relevant(written_ms + after_ms).contains(&key));
            prop_assert!(PLACE.relevant(written_ms.saturating_sub(ahead_ms)).contains(&key));
            prop_assert!(written_ms + after_ms < ends_ms);
        }
    }

    #[test]
    fn principals_and_namespaces_are_apart() {
        let other = Place { principal: "bob", ..PLACE };
        let foreign = Place { namespace: "bank", ..PLACE };
        let keys: BTreeSet<Key> = [PLACE, other, foreign].iter().map(|place| place.current(0).0).collect();
        assert_eq!(keys.len(), 3);
        assert!(PLACE.relevant(PERIOD_MS / 2).len() <= 2);
    }
}
