//! PURE. What the log tells of counters and sets: each addition alone.
//!
//! A counter's state has the sum of what each origin added, and a fragment the origin's new
//! sum. So an addition is the difference to the origin's fragment before it, if the log
//! still has that one, or all of it if the log reaches back to the session's creation.

use std::collections::BTreeMap;

use super::explain::{KnownWrite, Verdict, WriteKind};
use super::judge::judge;
use crate::session::{Body, Counter, Dot, Name, Origin, Session};

/// Additions to counters and changes of sets that log entries tell, in no order.
#[must_use]
pub fn additions(session: &Session, mut entries: Vec<(Dot, Session)>) -> Vec<KnownWrite> {
    entries.sort_by_key(|(dot, _)| *dot);
    entries.dedup_by_key(|(dot, _)| *dot);
    let verdict = if session.has_ended() { Verdict::LostToEnd } else { Verdict::Counts };
    // What came before the creation is nothing.
    let has_all = entries.iter().any(|(_, fragment)| fragment.complete && !fragment.has_ended());
    let mut sums: BTreeMap<(Name, Origin), i128> = BTreeMap::new();
    let mut found = Vec::new();
    for (dot, fragment) in &entries {
        let Some(body) = fragment.body() else { continue };
        let at_ms = judge(fragment, *dot).map_or(0, |told| told.at_ms).max(body.last_seen_ms);
        let alone = KnownWrite {
            kind: WriteKind::Set,
            name: Name::from(""),
            origin: Some(dot.origin),
            seq: dot.seq,
            at_ms,
            verdict,
            size: 0,
            amount: None,
        };
        for (name, sum) in shares(body, dot.origin) {
            let before = sums.insert((name.clone(), dot.origin), sum).or(has_all.then_some(0));
            let amount = before.and_then(|before| i64::try_from(sum - before).ok());
            found.push(KnownWrite { kind: WriteKind::Counter, name: name.clone(), amount, ..alone.clone() });
        }
        found.extend(body.sets.iter().map(|(name, members)| KnownWrite {
            name: name.clone(),
            size: members.len() as u64,
            ..alone.clone()
        }));
    }
    found
}

/// An origin's shares of the counters in a fragment.
fn shares(body: &Body, origin: Origin) -> impl Iterator<Item = (&Name, i128)> {
    let share = move |counter: &Counter| counter.shares().find(|share| share.origin == origin);
    body.counters.iter().filter_map(move |(name, counter)| Some((name, share(counter)?.sum())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{dot, take};
    use crate::engine::{Changes, Command, Create, SetChange, Update};
    use crate::session::SessionLimits;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn write(state: Option<Session>, replica: u16, seq: u64, command: &Command) -> (Session, (Dot, Session)) {
        let dot = dot(replica, seq);
        let done = take(state, command, dot, NOW_MS + seq, &SessionLimits::default());
        (done.state, (dot, done.fragment.unwrap()))
    }

    fn visits(amount: i64) -> Changes {
        Changes { add_counters: vec![("visits".into(), amount)], ..Changes::default() }
    }

    fn update(changes: Changes) -> Command {
        Command::Update(Update { changes, ..Update::default() })
    }

    fn create() -> Command {
        Command::Create(Create {
            namespace: "web".into(),
            idle_timeout_ms: 100_000,
            absolute_timeout_ms: 1_000_000,
            changes: visits(3),
        })
    }

    /// By replica and number: what was added.
    fn told(session: &Session, log: &[(Dot, Session)]) -> Vec<(u16, u64, Option<i64>)> {
        let found = additions(session, log.to_vec());
        let counters = found.iter().filter(|write| write.kind == WriteKind::Counter);
        counters.map(|write| (write.origin.unwrap().replica.0, write.seq, write.amount)).collect()
    }

    #[test]
    fn each_addition_is_told_alone() {
        let (state, created) = write(None, 1, 1, &create());
        let (one, first) = write(Some(state.clone()), 1, 2, &update(visits(5)));
        let (two, other) = write(Some(state), 2, 1, &update(visits(-2)));
        let (_, second) = write(Some(two), 2, 7, &update(visits(1)));
        let log = [second.clone(), created, first, other, second];
        let expected = [(1, 1, Some(3)), (1, 2, Some(5)), (2, 1, Some(-2)), (2, 7, Some(1))];
        assert_eq!(told(&one, &log), expected);
    }

    #[test]
    fn what_the_log_does_not_reach_back_to_is_not_guessed() {
        let (state, _) = write(None, 1, 1, &create());
        let (state, first) = write(Some(state), 1, 2, &update(visits(5)));
        let (state, second) = write(Some(state), 1, 3, &update(visits(6)));
        assert_eq!(told(&state, &[first, second]), [(1, 2, None), (1, 3, Some(6))]);
    }

    #[test]
    fn changes_of_sets_tell_how_many_members_they_name() {
        let (state, created) = write(None, 1, 1, &create());
        let tags = SetChange { name: "tags".into(), add: vec!["a".into(), "b".into()], remove: Vec::new() };
        let changes = Changes { change_sets: vec![tags], ..Changes::default() };
        let (state, changed) = write(Some(state), 1, 2, &update(changes));
        let ended = write(Some(state.clone()), 1, 3, &Command::Revoke { reason: "logout".into() }).0;
        for (session, verdict) in [(&state, Verdict::Counts), (&ended, Verdict::LostToEnd)] {
            let found = additions(session, vec![created.clone(), changed.clone()]);
            let sets: Vec<_> = found.iter().filter(|write| write.kind == WriteKind::Set).collect();
            assert!(
                matches!(sets[..], [set] if set.size == 2 && set.verdict == verdict && &*set.name == "tags")
            );
        }
    }
}
