use proptest::prelude::*;

use super::*;
use crate::directory::testing::write;
use crate::engine::testing::dot;

const NOW_MS: u64 = 1_000_000;

/// A principal's record at one node.
#[derive(Clone, Default)]
struct Replica {
    replica: u16,
    seq: u64,
    record: Option<Session>,
}

impl Replica {
    fn new(replica: u16) -> Self {
        Self { replica, ..Self::default() }
    }

    fn principal(&self) -> Principal {
        Principal::of(&self.record)
    }

    fn write(&mut self, changes: Changes) {
        self.seq += 1;
        write(&mut self.record, changes, dot(self.replica, self.seq), NOW_MS + self.seq);
    }

    fn take(&mut self, other: &Self) {
        match (&mut self.record, &other.record) {
            (Some(own), Some(other)) => own.merge(other.clone()),
            (own @ None, other) => own.clone_from(other),
            (Some(_), None) => {}
        }
    }

    fn log_in(&mut self, number: u8, login_ms: u64, sessions_max: usize) -> AuthBlock {
        let auth = AuthBlock { epoch_seen: self.principal().epoch(), ..AuthBlock::default() };
        self.write(self.principal().login(&entry(number, login_ms), sessions_max, &[], NOW_MS));
        auth
    }

    fn log_out_everywhere(&mut self, logout: u8, kept: Option<u8>) {
        self.write(self.principal().log_out_everywhere([logout; 16], kept.map(key).as_ref()));
    }

    fn ended(&self, number: u8, auth: &AuthBlock) -> Option<Ended> {
        self.principal().ended(&key(number), auth, 0, NOW_MS)
    }

    fn listed(&self) -> Vec<Key> {
        self.principal().newest_first(NOW_MS).map(|entry| entry.key).collect()
    }
}

fn key(number: u8) -> Key {
    Key([number; 16])
}

fn entry(number: u8, login_ms: u64) -> Entry {
    Entry {
        login_ms,
        key: key(number),
        deadline_ms: NOW_MS + 10,
        region: "eu".into(),
        device: "phone".into(),
    }
}

#[test]
fn a_logout_everywhere_ends_what_it_has_not_seen_and_spares_later_logins() {
    let (mut eu, mut us) = (Replica::new(1), Replica::new(2));
    let unseen = us.log_in(1, 1, 0);
    eu.log_out_everywhere(1, None);
    us.take(&eu);
    assert_eq!(us.ended(1, &unseen), Some(Ended::Everywhere));
    let later = us.log_in(2, 2, 0);
    assert_eq!(us.ended(2, &later), None);
    eu.take(&us);
    assert_eq!(eu.ended(1, &unseen), Some(Ended::Everywhere));
    assert_eq!(eu.ended(2, &later), None);
}

#[test]
fn a_logout_of_all_others_spares_one_from_itself_only() {
    let (mut eu, mut us) = (Replica::new(1), Replica::new(2));
    let (kept, other) = (eu.log_in(1, 1, 0), eu.log_in(2, 2, 0));
    us.take(&eu);
    eu.log_out_everywhere(1, Some(1));
    assert_eq!((eu.ended(1, &kept), eu.ended(2, &other)), (None, Some(Ended::Everywhere)));
    us.log_out_everywhere(2, None);
    eu.take(&us);
    assert_eq!(eu.ended(1, &kept), Some(Ended::Everywhere), "the other logout did not spare it");
    let again = eu.log_in(1, 3, 0);
    eu.log_out_everywhere(3, None);
    eu.log_out_everywhere(4, Some(1));
    assert_eq!(eu.ended(1, &again), Some(Ended::Everywhere), "kept by a later one of the same node");
}

#[test]
fn one_session_is_ended_by_name() {
    let mut eu = Replica::new(1);
    let auth = eu.log_in(1, 1, 0);
    eu.write(eu.principal().end(&key(1), "lost_phone", 0, NOW_MS));
    assert_eq!(eu.ended(1, &auth), Some(Ended::ByName { reason: "lost_phone".into() }));
    assert!(eu.listed().is_empty());
}

#[test]
fn the_oldest_session_ends_for_good() {
    let mut eu = Replica::new(1);
    let oldest = eu.log_in(1, 1, 2);
    for number in 2..4 {
        eu.log_in(number, number.into(), 2);
    }
    assert_eq!(eu.listed(), [key(3), key(2)]);
    let by_max = Some(Ended::ByName { reason: "sessions_max".into() });
    assert_eq!(eu.ended(1, &oldest), by_max);
    eu.write(eu.principal().forget(&key(3), 2, NOW_MS).unwrap());
    assert_eq!(eu.ended(1, &oldest), by_max, "a newer one is over, and it does not come back");
    assert!(eu.principal().forget(&key(3), 2, NOW_MS).is_none());
}

#[test]
fn after_a_cut_every_replica_names_the_same_victims() {
    let (mut eu, mut us) = (Replica::new(1), Replica::new(2));
    let auths: Vec<AuthBlock> = (1..3).map(|number| eu.log_in(number, number.into(), 2)).collect();
    let other = us.log_in(3, 3, 2);
    eu.take(&us);
    us.take(&eu);
    for replica in [&eu, &us] {
        let ended = |number, auth| replica.principal().ended(&key(number), auth, 2, NOW_MS);
        assert_eq!(ended(1, &auths[0]), Some(Ended::BySessionsMax));
        assert_eq!((ended(2, &auths[1]), ended(3, &other)), (None, None));
    }
    us.write(us.principal().forget(&key(3), 2, NOW_MS).unwrap());
    let by_max = Some(Ended::ByName { reason: "sessions_max".into() });
    assert_eq!(us.principal().ended(&key(1), &auths[0], 2, NOW_MS), by_max, "it does not come back");
}

/// Two regions that were cut off from each other: one more session than may be.
fn after_a_cut() -> (Replica, AuthBlock) {
    let (mut eu, mut us) = (Replica::new(1), Replica::new(2));
    let victim = eu.log_in(1, 1, 2);
    eu.log_in(2, 2, 2);
    us.log_in(3, 3, 2);
    eu.take(&us);
    assert_eq!(eu.principal().ended(&key(1), &victim, 2, NOW_MS), Some(Ended::BySessionsMax));
    (eu, victim)
}

#[test]
fn whom_the_limit_has_ended_does_not_come_back_by_another_end_or_another_limit() {
    let by_max = Some(Ended::ByName { reason: "sessions_max".into() });
    let (mut eu, victim) = after_a_cut();
    eu.write(eu.principal().end(&key(3), "lost_phone", 2, NOW_MS));
    assert_eq!(eu.principal().ended(&key(1), &victim, 2, NOW_MS), by_max);
    assert_eq!(eu.listed(), [key(2)]);

    let (mut eu, victim) = after_a_cut();
    eu.write(eu.principal().settle(2, NOW_MS));
    assert_eq!(eu.principal().ended(&key(1), &victim, 0, NOW_MS), by_max);
    assert!(eu.principal().settle(2, NOW_MS).change_sets.is_empty(), "once");

    let (mut eu, victim) = after_a_cut();
    eu.write(eu.principal().end(&key(1), "lost_phone", 2, NOW_MS));
    let by_name = Some(Ended::ByName { reason: "lost_phone".into() });
    assert_eq!(eu.principal().ended(&key(1), &victim, 2, NOW_MS), by_name, "the reason given");
}

#[test]
fn what_is_over_makes_room_before_the_oldest_does() {
    let mut eu = Replica::new(1);
    let auths: Vec<AuthBlock> = (1..3).map(|number| eu.log_in(number, number.into(), 2)).collect();
    eu.write(eu.principal().login(&entry(3, 3), 2, &[key(2)], NOW_MS));
    assert_eq!(eu.listed(), [key(3), key(1)]);
    let ended = |number, auth| eu.principal().ended(&key(number), auth, 2, NOW_MS);
    assert_eq!(ended(1, &auths[0]), None);
    assert!(ended(2, &auths[1]).is_some(), "it was used elsewhere, perhaps: one of them has to end");
}

#[test]
fn who_is_logged_out_everywhere_takes_no_place() {
    let (mut eu, mut us) = (Replica::new(1), Replica::new(2));
    let kept = eu.log_in(1, 1, 2);
    eu.log_in(2, 2, 2);
    us.take(&eu);
    let again = us.log_in(2, 4, 2);
    eu.log_out_everywhere(1, Some(1));
    assert_eq!(eu.listed(), [key(1)]);
    eu.log_in(3, 3, 2);
    assert_eq!(eu.principal().ended(&key(1), &kept, 2, NOW_MS), None, "the limit is not reached");
    us.take(&eu);
    assert_eq!(us.listed(), [key(2), key(3), key(1)], "a login at the same time elsewhere stays listed");
    assert_eq!(us.ended(2, &again), Some(Ended::Everywhere));
}

#[test]
fn a_step_up_and_the_past_leave_no_line() {
    let mut eu = Replica::new(1);
    eu.log_in(1, 1, 0);
    eu.log_in(1, 5, 0);
    assert_eq!(eu.principal().newest_first(NOW_MS).map(|entry| entry.login_ms).collect::<Vec<_>>(), [5]);
    assert_eq!(eu.principal().newest_first(NOW_MS + 10).count(), 0);
}

proptest! {
    #[test]
    fn a_session_is_live_only_if_its_login_follows_each_logout(
        steps in prop::collection::vec((0_usize..3, 0_u8..6, 0_usize..3), 1..40),
    ) {
        let mut replicas: Vec<Replica> = (1..4).map(Replica::new).collect();
        // What each replica has seen, as a plain history of logouts.
        let mut seen: Vec<BTreeSet<u8>> = vec![BTreeSet::new(); 3];
        let mut logins: Vec<(u8, AuthBlock, BTreeSet<u8>)> = Vec::new();
        for (number, (at, what, from)) in steps.into_iter().enumerate() {
            let number = number as u8 + 1;
            match what {
                0 | 1 => {
                    let auth = replicas[at].log_in(number, number.into(), 0);
                    logins.push((number, auth, seen[at].clone()));
                }
                2 => {
                    replicas[at].log_out_everywhere(number, None);
                    seen[at].insert(number);
                }
                _ => {
                    let (other, known) = (replicas[from].clone(), seen[from].clone());
                    replicas[at].take(&other);
                    seen[at].extend(known);
                }
            }
        }
        for (replica, seen) in replicas.iter().zip(&seen) {
            for (number, auth, knew) in &logins {
                let is_ended = replica.ended(*number, auth).is_some();
                prop_assert_eq!(is_ended, !seen.is_subset(knew), "session {} at {}", number, replica.replica);
            }
        }
    }
}
