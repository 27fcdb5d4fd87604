//! PURE. What one write to a principal's record ends, for the change feed.

use std::sync::Arc;

use super::principal::{ended_by_name, kept_by, logouts, name_in};
use crate::session::{Dot, Key, Session};

/// The sessions that a write has ended.
#[derive(Clone, PartialEq, Eq)]
pub struct Ends {
    /// Whose they are.
    pub principal: Arc<str>,
    /// When, by its origin's clock, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// All of them, but for one perhaps.
    pub everywhere: Option<Everywhere>,
    /// Those that were ended one by one, and why.
    pub by_name: Vec<(Key, Arc<str>)>,
}

/// A logout everywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Everywhere {
    /// The session that it spares.
    pub kept: Option<Key>,
}

/// What the fragment of the write `dot` to a record of the global partition ends; none if
/// it ends nothing, or is no principal's.
#[must_use]
pub fn ends(fragment: &Session, dot: Dot) -> Option<Ends> {
    let body = fragment.body()?;
    let by_name = ended_by_name(body);
    let mut logouts = logouts(body);
    let everywhere = logouts.next().map(|logout| Everywhere { kept: kept_by(body, logout) });
    if everywhere.is_none() && by_name.is_empty() {
        return None;
    }
    let (principal, at_ms) = name_in(body, dot)?;
    Some(Ends { principal, at_ms, everywhere, by_name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::testing::write;
    use crate::directory::{Entry, Policy, Principal};
    use crate::engine::Changes;
    use crate::engine::testing::{dot, logged};

    const NOW_MS: u64 = 1_800_000_000_000;

    /// What the write of some changes to a record is told as, out of the log.
    fn told(record: &mut Option<Session>, seq: u64, changes: Changes) -> Option<Ends> {
        let dot = dot(3, seq);
        let done = write(record, Principal::named(changes, "ada"), dot, NOW_MS + seq);
        let fragment = logged(&done.fragment?);
        ends(&fragment, dot)
    }

    fn entry(number: u8) -> Entry {
        let login_ms = NOW_MS + u64::from(number);
        let key = Key([number; 16]);
        Entry { login_ms, key, deadline_ms: NOW_MS + 900_000, region: "eu".into(), device: "".into() }
    }

    #[test]
    fn each_end_is_told_once_with_the_name_and_the_time() {
        let mut record = None;
        for number in 1..3 {
            let listed = Principal::of(&record).login(&entry(number), 2, &[], NOW_MS);
            assert!(told(&mut record, number.into(), listed).is_none(), "a login ends nothing");
        }
        let one_too_many = Principal::of(&record).login(&entry(3), 2, &[], NOW_MS);
        let ends = told(&mut record, 3, one_too_many).unwrap();
        assert_eq!((&*ends.principal, ends.at_ms), ("ada", NOW_MS + 3));
        assert!(ends.everywhere.is_none() && ends.by_name == [(Key([1; 16]), "sessions_max".into())]);

        let end = Principal::of(&record).end(&Key([2; 16]), "stolen", 2, NOW_MS);
        let by_name = told(&mut record, 4, end).unwrap();
        assert!(by_name.everywhere.is_none() && by_name.by_name == [(Key([2; 16]), "stolen".into())]);

        for (seq, kept) in [(5, None), (6, Some(Key([3; 16])))] {
            let logout = [u8::try_from(seq).unwrap(); 16];
            let changes = Principal::of(&record).log_out_everywhere(logout, kept.as_ref());
            let all = told(&mut record, seq, changes).unwrap();
            assert_eq!(
                (all.at_ms, all.by_name.len()),
                (NOW_MS + seq, 0),
                "what was told before is not repeated"
            );
            assert!(all.everywhere.unwrap().kept == kept);
        }
    }

    #[test]
    fn a_policy_ends_nothing() {
        let policy = Policy { absolute_timeout_ms: Some(5_000), ..Policy::default() };
        assert!(told(&mut None, 1, policy.changes()).is_none());
    }
}
