//! What holds of every session, whatever happened to it.

mod examples;
pub(crate) mod history;

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use self::history::{World, history, is_revoked, living_history, merged};
use super::{
    Birth, Body, Counter, DecodeLimits, Liveness, Presence, Register, Replays, Revocation, Root, Session,
    SessionView,
};

fn lawful<T: Clone + PartialEq + Debug>(a: &T, b: &T, c: &T, merge: impl Fn(&mut T, T)) -> TestCaseResult {
    let join = |a: &T, b: &T| {
        let mut joined = a.clone();
        merge(&mut joined, b.clone());
        joined
    };
    prop_assert_eq!(join(a, b), join(b, a), "commutative");
    prop_assert_eq!(join(&join(a, b), c), join(a, &join(b, c)), "associative");
    prop_assert_eq!(&join(a, a), a, "idempotent");
    let ab = join(a, b);
    prop_assert_eq!(join(&ab, b), ab, "absorbing");
    Ok(())
}

fn three(world: &World, picks: &[prop::sample::Index; 3]) -> [Session; 3] {
    let all = world.all();
    std::array::from_fn(|i| picks[i].get(&all).clone())
}

/// One part of three bodies.
fn part<T: Default>(of: &[Session; 3], get: impl Fn(&Body) -> Option<T>) -> [T; 3] {
    std::array::from_fn(|i| of[i].body().and_then(&get).unwrap_or_default())
}

fn limited_births() -> impl Strategy<Value = Birth> {
    let times = (0..4_u64, 0..4_u64, 0..4_u64, 1..3_u16);
    ("[ab]", times).prop_map(|(namespace, (hlc, absolute_deadline_ms, idle_timeout_ms, id))| Birth {
        namespace: namespace.as_str().into(),
        created: super::Stamp { hlc, origin: history::origin(id, 1) },
        absolute_deadline_ms,
        idle_timeout_ms,
    })
}

proptest! {
    #[test]
    fn merging_sessions_is_a_join(history in history(), picks in any::<[prop::sample::Index; 3]>()) {
        let [a, b, c] = three(&World::run(&history), &picks);
        lawful(&a, &b, &c, Session::merge)?;
    }

    #[test]
    fn merging_each_part_is_a_join(history in living_history(), picks in any::<[prop::sample::Index; 3]>()) {
        let of = three(&World::run(&history), &picks);
        let [a, b, c] = part(&of, |body| Some(body.clone()));
        lawful(&a, &b, &c, Body::merge)?;
        let [a, b, c] = part(&of, |body| Some(body.ids.clone()));
        lawful(&a, &b, &c, Register::merge)?;
        let [a, b, c] = part(&of, |body| Some(body.replays.clone()));
        lawful(&a, &b, &c, Replays::merge)?;
        let [a, b, c] = part(&of, |body| Some(body.auth.clone()));
        lawful(&a, &b, &c, Register::merge)?;
        let [a, b, c] = part(&of, |body| body.attributes.get("a").cloned());
        lawful(&a, &b, &c, Register::merge)?;
        let [a, b, c] = part(&of, |body| body.counters.get("a").cloned());
        lawful(&a, &b, &c, Counter::merge)?;
        let [a, b, c] = part(&of, |body| body.sets.get("a")?.get(b"x".as_slice()).cloned());
        lawful(&a, &b, &c, Presence::merge)?;
    }

    #[test]
    fn merging_births_is_a_join(a in limited_births(), b in limited_births(), c in limited_births()) {
        lawful(&a, &b, &c, Birth::merge)?;
    }

    #[test]
    fn no_deadline_ever_grows(a in limited_births(), b in limited_births()) {
        let mut merged = a.clone();
        merged.merge(b.clone());
        prop_assert!(merged.absolute_deadline_ms <= a.absolute_deadline_ms.min(b.absolute_deadline_ms));
        prop_assert!(merged.idle_timeout_ms <= a.idle_timeout_ms.min(b.idle_timeout_ms));
    }

    #[test]
    fn merging_revocations_is_a_join(stamps in any::<[(u8, u8); 3]>()) {
        let [a, b, c] = stamps.map(|(hlc, id)| Revocation {
            stamp: super::Stamp { hlc: hlc.into(), origin: history::origin(id.into(), 1) },
            seq: hlc.into(),
            reason: format!("{id}").as_str().into(),
        });
        lawful(&a, &b, &c, Revocation::merge)?;
        let mut first = a.clone();
        first.merge(b.clone());
        prop_assert_eq!(first.stamp, a.stamp.min(b.stamp));
    }

    #[test]
    fn replicas_meet_without_losing_a_write(history in history(), order in any::<u64>()) {
        let world = World::run(&history);
        let states = merged(world.states.clone());
        let mut fragments = world.fragments.clone();
        // Any order will do: fragments need no causal delivery.
        fragments.sort_by_key(|fragment| xxhash_rust::xxh3::xxh3_64_with_seed(&fragment.encode(), order));
        let mut twice = fragments.clone();
        twice.reverse();
        prop_assert_eq!(&merged(fragments.iter().cloned()), &states);
        prop_assert_eq!(&merged(fragments.into_iter().chain(twice)), &states);
        prop_assert!(states.complete);
    }

    #[test]
    fn revoked_is_for_ever(history in history(), now_ms in any::<u64>()) {
        let world = World::run(&history);
        let first = world.fragments.iter().filter_map(|fragment| match &fragment.root {
            Root::Revoked(revocation) => Some(revocation.stamp),
            Root::Live(_) => None,
        }).min();
        let all = merged(world.all());
        match (&all.root, first) {
            (Root::Revoked(revocation), Some(first)) => {
                prop_assert_eq!(revocation.stamp, first);
                prop_assert_eq!(all.liveness(now_ms), Liveness::Revoked);
            }
            (Root::Live(_), None) => {}
            _ => prop_assert!(false, "revoked if and only if someone revoked it"),
        }
        for later in world.all() {
            let mut after = all.clone();
            after.merge(later);
            prop_assert_eq!(is_revoked(&after), is_revoked(&all));
        }
    }

    #[test]
    fn what_has_lapsed_is_over_for_ever_and_keeps_nothing(history in history(), now_ms in any::<u64>()) {
        let world = World::run(&history);
        let lapses = world.fragments.iter().filter_map(|fragment| fragment.body()?.lapsed);
        let (first, all) = (lapses.min(), merged(world.all()));
        let Some(body) = all.body() else { return Ok(()) };
        prop_assert_eq!(body.lapsed, first);
        if let Some(first) = first {
            prop_assert_eq!(all.liveness(now_ms), Liveness::Expired);
            prop_assert_eq!(body, &Body::lapsed(body.last_seen_ms, first));
            let uses = world.all().into_iter().filter_map(|session| Some(session.body()?.last_seen_ms));
            prop_assert_eq!(Some(body.last_seen_ms), uses.max());
            let state = all.encode();
            let view = SessionView::open(&state, &DecodeLimits::default()).unwrap();
            prop_assert_eq!(view.head(), all);
        }
    }

    #[test]
    fn nothing_outlives_the_absolute_deadline(history in history()) {
        for session in World::run(&history).all() {
            let deadline_ms = session.birth.absolute_deadline_ms;
            prop_assert!(session.expires_at_ms() <= deadline_ms);
            let at_deadline = session.liveness(deadline_ms);
            prop_assert!(matches!(at_deadline, Liveness::Expired | Liveness::Revoked));
        }
    }
}
