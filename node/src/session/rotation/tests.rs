use super::*;
use crate::session::laws::history::origin;

const NOW_MS: u64 = 1_000_000;
const A: SecretHash = SecretHash::FIRST;

fn hash(number: u8) -> SecretHash {
    SecretHash([number; 16])
}

/// A rotation by a replica, `after_ms` after the start; `grace_ms` 0 as a login does it.
fn rotated(
    from: &Register<Rotation>,
    replica: u16,
    after_ms: u64,
    to: u8,
    grace_ms: u64,
) -> Register<Rotation> {
    let (origin, now_ms) = (origin(replica, 1), NOW_MS + after_ms);
    let stamp = Stamp { hlc: now_ms << 16, origin };
    from.rotate(Dot { origin, seq: after_ms + 1 }, stamp, hash(to), grace_ms, now_ms)
}

fn merged(one: &Register<Rotation>, other: &Register<Rotation>) -> Register<Rotation> {
    let (mut there, mut back) = (one.clone(), other.clone());
    there.merge(other.clone());
    back.merge(one.clone());
    assert_eq!(there, back);
    there
}

fn judged(ids: &Register<Rotation>, shown: SecretHash, after_ms: u64) -> IdVerdict {
    ids.judge(&shown, NOW_MS + after_ms)
}

#[test]
fn without_a_rotation_the_first_id_is_the_only_one() {
    let ids = Register::default();
    assert_eq!(judged(&ids, A, 0), IdVerdict::Current);
    assert_eq!(judged(&ids, hash(1), 0), IdVerdict::Unknown);
}

#[test]
fn a_routine_rotation_leaves_an_alias_until_its_grace_ends() {
    let ids = rotated(&Register::default(), 1, 0, 1, 100);
    assert_eq!(judged(&ids, hash(1), 0), IdVerdict::Current);
    assert_eq!((judged(&ids, A, 99), judged(&ids, A, 100)), (IdVerdict::Alias, IdVerdict::Replaced));
    let ids = rotated(&ids, 1, 50, 2, 100);
    assert_eq!((judged(&ids, A, 99), judged(&ids, A, 100)), (IdVerdict::Alias, IdVerdict::Replaced));
    assert_eq!(
        (judged(&ids, hash(1), 149), judged(&ids, hash(1), 150)),
        (IdVerdict::Alias, IdVerdict::Replaced)
    );
    assert_eq!(judged(&ids, hash(3), 0), IdVerdict::Unknown);
}

#[test]
fn a_login_kills_every_id_before_it_at_once() {
    let ids = rotated(&rotated(&Register::default(), 1, 0, 1, 1_000), 1, 1, 2, 0);
    assert_eq!([A, hash(1)].map(|id| judged(&ids, id, 1)), [IdVerdict::Replaced; 2]);
    assert_eq!(judged(&ids, hash(2), 1), IdVerdict::Current);
}

#[test]
fn a_login_beats_a_later_routine_rotation_that_had_not_seen_it() {
    let login = rotated(&Register::default(), 1, 0, 1, 0);
    let routine = rotated(&Register::default(), 2, 10, 2, 1_000);
    let ids = merged(&login, &routine);
    assert_eq!(judged(&ids, hash(1), 20), IdVerdict::Current);
    assert_eq!([A, hash(2)].map(|id| judged(&ids, id, 20)), [IdVerdict::Replaced; 2]);
    // Nor does it come back by what follows the login.
    let followed = merged(&rotated(&login, 1, 5, 3, 1_000), &routine);
    assert_eq!(judged(&followed, hash(3), 20), IdVerdict::Current);
    assert_eq!(judged(&followed, hash(1), 20), IdVerdict::Alias);
    assert_eq!([A, hash(2)].map(|id| judged(&followed, id, 20)), [IdVerdict::Replaced; 2]);
}

#[test]
fn a_login_beats_what_had_not_seen_it_also_after_one_by_a_clock_that_was_ahead() {
    const AHEAD_MS: u64 = 3_600_000;
    for replica in [1, 3] {
        let ahead = rotated(&Register::default(), 2, AHEAD_MS, 1, 0);
        let login = rotated(&ahead, replica, 10, 2, 0);
        let routine = rotated(&ahead, 4, 20, 3, 1_000);
        assert!(login.writes()[0].is_cut() && !routine.writes()[0].is_cut());
        let ids = merged(&login, &routine);
        assert_eq!(judged(&ids, hash(2), 30), IdVerdict::Current);
        assert_eq!([A, hash(1), hash(3)].map(|id| judged(&ids, id, 30)), [IdVerdict::Replaced; 3]);
        let followed = merged(&rotated(&login, replica, 25, 4, 1_000), &routine);
        assert_eq!(judged(&followed, hash(4), 30), IdVerdict::Current);
        assert!(!followed.current().unwrap().is_cut());
        let again = merged(&rotated(&login, replica, 26, 5, 0), &rotated(&login, 4, 27, 6, 1_000));
        assert_eq!(judged(&again, hash(5), 30), IdVerdict::Current);
    }
}

#[test]
fn the_loser_of_a_routine_race_is_an_alias_also_after_the_next_rotation() {
    let start = rotated(&Register::default(), 1, 0, 1, 0);
    let (early, late) = (rotated(&start, 1, 10, 2, 100), rotated(&start, 2, 20, 3, 100));
    let ids = merged(&early, &late);
    assert_eq!(judged(&ids, hash(3), 30), IdVerdict::Current);
    assert_eq!([hash(1), hash(2)].map(|id| judged(&ids, id, 30)), [IdVerdict::Alias; 2]);
    assert_eq!(judged(&ids, A, 30), IdVerdict::Replaced);
    let next = rotated(&ids, 1, 50, 4, 100);
    assert_eq!(next.writes().len(), 1);
    assert_eq!(
        (judged(&next, hash(2), 109), judged(&next, hash(2), 110)),
        (IdVerdict::Alias, IdVerdict::Replaced)
    );
    assert_eq!(
        (judged(&next, hash(1), 119), judged(&next, hash(1), 120)),
        (IdVerdict::Alias, IdVerdict::Replaced)
    );
}

#[test]
fn what_is_remembered_is_bounded_and_the_first_id_is_never_taken_for_unknown() {
    let mut ids = Register::default();
    for number in 1..=20_u8 {
        ids = rotated(&ids, 1, number.into(), number, 1_000);
    }
    let rotation = ids.current().unwrap().value.as_ref().unwrap();
    assert_eq!(rotation.replaced.len(), REPLACED_MAX);
    assert_eq!(judged(&ids, hash(19), 21), IdVerdict::Alias);
    assert_eq!((judged(&ids, hash(2), 21), judged(&ids, A, 21)), (IdVerdict::Unknown, IdVerdict::Replaced));
}
