//! Why a session is as it is: the writes that are known, and which of them hold.
//!
//! A register keeps the writes that were made at the same time until the next write
//! has seen them, so what lost a race is known until then. What was overwritten in
//! the usual way is gone. The content of a revoked session is known only where its last
//! state is remembered.

use std::sync::Arc;

use crate::session::counter::clamp;
use crate::session::{AuthBlock, Body, Origin, Register, Root, Rotation, Session, Value, Write};

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// The session was made.
    Create,
    /// An attribute was written.
    SetAttribute,
    /// An attribute was removed.
    RemoveAttribute,
    /// The login was replaced.
    Login,
    /// One origin's share of a counter.
    Counter,
    /// A set.
    Set,
    /// The session was used.
    Touch,
    /// The session got another id, and the old one a grace.
    Rotate,
    /// The session got another id, and the old one was dead at once.
    RotateWithoutGrace,
    /// An id was used that had been replaced.
    Replay,
    /// The session was ended.
    Revoke,
    /// It was ended because it had lain idle.
    Lapse,
    /// It was ended through its principal.
    EndByPrincipal,
}

/// Why a write holds or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its writer had seen everything before.
    Holds,
    /// Of values written at the same time it has the highest stamp.
    HoldsHigherStamp,
    /// A value beats a removal made at the same time.
    HoldsOverRemoval,
    /// Of logins made at the same time it gives the lowest privilege.
    HoldsLowerPrivilege,
    /// Of logins of equal privilege made at the same time it is the first.
    HoldsFirstLogin,
    /// A rotation without grace beats those with one that were made at the same time.
    HoldsWithoutGrace,
    /// A rotation without grace was made at the same time.
    LostToRotationWithoutGrace,
    /// A value written at the same time has a higher stamp.
    LostLowerStamp,
    /// A removal gives way to a value written at the same time.
    LostRemoval,
    /// A login made at the same time gives a lower privilege.
    LostHigherPrivilege,
    /// A login of equal privilege made at the same time came first.
    LostLaterLogin,
    /// It counts together with the others of its name.
    Counts,
    /// The session was revoked or has lapsed, which drops its content.
    LostToEnd,
    /// It held until a write whose writer had seen it took its place.
    Replaced,
}

impl Verdict {
    /// Another write was made at the same time, and holds in its place.
    pub(super) fn is_loss(self) -> bool {
        matches!(
            self,
            Self::LostLowerStamp
                | Self::LostRemoval
                | Self::LostHigherPrivilege
                | Self::LostLaterLogin
                | Self::LostToRotationWithoutGrace
        )
    }
}

/// One write, without what it wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct KnownWrite {
    /// What was written.
    pub kind: WriteKind,
    /// Under which name; of a revocation the reason; else empty.
    pub name: Arc<str>,
    /// By whom, if that is kept.
    pub origin: Option<Origin>,
    /// Its number there; 0 if that is not kept.
    pub seq: u64,
    /// When, in milliseconds since the Unix epoch; 0 if that is not kept.
    pub at_ms: u64,
    /// Whether it holds.
    pub verdict: Verdict,
    /// Bytes of the value; present members of the set, or how many a write names.
    pub size: u64,
    /// What a write added to the counter, or its origin in all; none if that is not known.
    pub amount: Option<i64>,
}

/// The known writes of a session, oldest first; those without a time come last.
#[must_use]
pub fn explain(session: &Session) -> Vec<KnownWrite> {
    let created = session.birth.created;
    let mut writes = vec![KnownWrite {
        kind: WriteKind::Create,
        name: Arc::from(""),
        origin: Some(created.origin),
        seq: 0,
        at_ms: created.wall_ms(),
        verdict: Verdict::Holds,
        size: 0,
        amount: None,
    }];
    match &session.root {
        Root::Live(body) => explain_body(body, &mut writes),
        Root::Revoked(revocation) => writes.push(KnownWrite {
            kind: WriteKind::Revoke,
            name: revocation.reason.clone(),
            origin: Some(revocation.stamp.origin),
            seq: 0,
            at_ms: revocation.stamp.wall_ms(),
            verdict: Verdict::Holds,
            size: 0,
            amount: None,
        }),
    }
    sort(&mut writes);
    writes
}

/// As [`explain`] of a session that has ended, with what its last state before that tells.
#[must_use]
pub fn explain_ended(ended: &Session, before: &Session) -> Vec<KnownWrite> {
    let mut writes = explain(ended);
    if let (true, Root::Live(body)) = (ended.has_ended() && !before.has_ended(), &before.root) {
        let mut dropped = Vec::new();
        explain_body(body, &mut dropped);
        writes.extend(dropped.into_iter().map(|write| KnownWrite { verdict: Verdict::LostToEnd, ..write }));
        sort(&mut writes);
    }
    writes
}

/// A session's end through its principal, which its own record does not have.
#[must_use]
pub fn end_by_principal(reason: &str) -> KnownWrite {
    KnownWrite {
        kind: WriteKind::EndByPrincipal,
        name: reason.into(),
        origin: None,
        seq: 0,
        at_ms: 0,
        verdict: Verdict::Holds,
        size: 0,
        amount: None,
    }
}

/// Oldest first; those without a time come last.
pub fn sort(writes: &mut [KnownWrite]) {
    writes.sort_by_key(|write| {
        let writer = (write.origin.is_none(), write.origin, write.seq);
        (write.at_ms == 0, write.at_ms, writer)
    });
}

fn explain_body(body: &Body, writes: &mut Vec<KnownWrite>) {
    writes.extend(body.lapsed.map(|lapsed| KnownWrite {
        kind: WriteKind::Lapse,
        name: Arc::from(""),
        origin: Some(lapsed.origin),
        seq: 0,
        at_ms: lapsed.wall_ms(),
        verdict: Verdict::Holds,
        size: 0,
        amount: None,
    }));
    for (name, register) in &body.attributes {
        writes.extend(register.writes().iter().map(|write| attribute(name, register, write)));
    }
    writes.extend(body.ids.writes().iter().map(|write| rotation(&body.ids, write)));
    writes.extend(body.replays.marks().iter().map(|mark| KnownWrite {
        kind: WriteKind::Replay,
        name: Arc::from(""),
        origin: Some(mark.dot.origin),
        seq: mark.dot.seq,
        at_ms: mark.hlc >> 16,
        verdict: Verdict::Counts,
        size: 0,
        amount: None,
    }));
    writes.extend(body.auth.writes().iter().map(|write| login(&body.auth, write)));
    let counts = |kind, name: &Arc<str>, origin, size| KnownWrite {
        kind,
        name: name.clone(),
        origin,
        seq: 0,
        at_ms: 0,
        verdict: Verdict::Counts,
        size,
        amount: None,
    };
    for (name, counter) in &body.counters {
        writes.extend(counter.shares().map(|share| KnownWrite {
            amount: Some(clamp(share.sum())),
            ..counts(WriteKind::Counter, name, Some(share.origin), 0)
        }));
    }
    for (name, members) in &body.sets {
        let present = members.values().filter(|presence| presence.is_present()).count();
        writes.push(counts(WriteKind::Set, name, None, present as u64));
    }
    if body.last_seen_ms > 0 {
        let touch = counts(WriteKind::Touch, &Arc::from(""), None, 0);
        writes.push(KnownWrite { at_ms: body.last_seen_ms, verdict: Verdict::Holds, ..touch });
    }
}

pub(super) fn attribute(name: &Arc<str>, register: &Register<Value>, write: &Write<Value>) -> KnownWrite {
    let winner = register.winner();
    let holds = winner.is_some_and(|winner| winner.dot == write.dot);
    let others = register.writes().iter().filter(|other| other.dot != write.dot);
    let verdict = match (holds, &write.value) {
        (true, _) if register.writes().len() < 2 => Verdict::Holds,
        (true, Some(_)) if others.clone().all(|other| other.value.is_none()) => Verdict::HoldsOverRemoval,
        (true, _) => Verdict::HoldsHigherStamp,
        (false, None) if winner.is_some_and(|winner| winner.value.is_some()) => Verdict::LostRemoval,
        (false, _) => Verdict::LostLowerStamp,
    };
    let kind = if write.value.is_some() { WriteKind::SetAttribute } else { WriteKind::RemoveAttribute };
    let size = write.value.as_ref().map_or(0, |value| value.bytes.len() as u64);
    known(kind, name.clone(), write, verdict, size)
}

pub(super) fn rotation(register: &Register<Rotation>, write: &Write<Rotation>) -> KnownWrite {
    let cut = |write: &Write<Rotation>| write.value.as_ref().and_then(|rotation| rotation.cut);
    let winner = register.current();
    let is_equal = |other: &Write<Rotation>| cut(other) == cut(write);
    let mut others = register.writes().iter().filter(|other| other.dot != write.dot);
    let verdict = match winner.is_some_and(|winner| winner.dot == write.dot) {
        true if register.writes().len() < 2 => Verdict::Holds,
        true if others.any(is_equal) => Verdict::HoldsHigherStamp,
        true => Verdict::HoldsWithoutGrace,
        false if winner.is_some_and(is_equal) => Verdict::LostLowerStamp,
        false => Verdict::LostToRotationWithoutGrace,
    };
    let kind = if write.is_cut() { WriteKind::RotateWithoutGrace } else { WriteKind::Rotate };
    known(kind, Arc::from(""), write, verdict, 0)
}

pub(super) fn login(register: &Register<AuthBlock>, write: &Write<AuthBlock>) -> KnownWrite {
    let level = |write: &Write<AuthBlock>| write.value.as_ref().map(|auth| auth.level);
    let winner = register.lowest_privilege();
    let holds = winner.is_some_and(|winner| winner.dot == write.dot);
    let is_equal = |other: &Write<AuthBlock>| level(other) == level(write);
    let mut others = register.writes().iter().filter(|other| other.dot != write.dot);
    let verdict = match holds {
        true if register.writes().len() < 2 => Verdict::Holds,
        true if others.any(is_equal) => Verdict::HoldsFirstLogin,
        true => Verdict::HoldsLowerPrivilege,
        false if winner.is_some_and(is_equal) => Verdict::LostLaterLogin,
        false => Verdict::LostHigherPrivilege,
    };
    known(WriteKind::Login, Arc::from(""), write, verdict, 0)
}

fn known<T>(kind: WriteKind, name: Arc<str>, write: &Write<T>, verdict: Verdict, size: u64) -> KnownWrite {
    KnownWrite {
        kind,
        name,
        origin: Some(write.dot.origin),
        seq: write.dot.seq,
        at_ms: write.hlc >> 16,
        verdict,
        size,
        amount: None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::engine::testing::{dot, take};
    use crate::engine::{Changes, Command, Create, Rotate, Update};
    use crate::session::{SecretHash, SessionLimits, ValueKind};

    const NOW_MS: u64 = 1_800_000_000_000;

    fn run(state: Option<Session>, command: &Command, replica: u16, seq: u64) -> Session {
        let now_ms = NOW_MS + seq * 10 + u64::from(replica);
        take(state, command, dot(replica, seq), now_ms, &SessionLimits::default()).state
    }

    fn update(changes: Changes) -> Command {
        Command::Update(Update { changes, ..Update::default() })
    }

    fn set(text: &str) -> Command {
        let value = Value { kind: ValueKind::Text, bytes: Bytes::copy_from_slice(text.as_bytes()) };
        update(Changes { set_attributes: vec![("a".into(), value)], ..Changes::default() })
    }

    fn remove() -> Command {
        update(Changes { remove_attributes: vec!["a".into()], ..Changes::default() })
    }

    fn login_at(level: u32) -> Command {
        let auth = AuthBlock { principal: "ada".into(), level, ..AuthBlock::default() };
        update(Changes { set_auth: Some(auth), ..Changes::default() })
    }

    fn created() -> Session {
        let create = Create {
            namespace: "web".into(),
            idle_timeout_ms: 100_000,
            absolute_timeout_ms: 1_000_000,
            changes: Changes::default(),
        };
        run(None, &Command::Create(create), 1, 1)
    }

    fn raced(base: &Session, one: &Command, two: &Command) -> Session {
        let mut merged = run(Some(base.clone()), one, 1, 3);
        merged.merge(run(Some(base.clone()), two, 2, 1));
        merged
    }

    /// The verdicts of a kind, by replica.
    fn verdicts(session: &Session, kinds: &[WriteKind]) -> Vec<(u16, Verdict)> {
        let wanted = explain(session).into_iter().filter(|write| kinds.contains(&write.kind));
        let mut verdicts: Vec<_> =
            wanted.map(|write| (write.origin.unwrap().replica.0, write.verdict)).collect();
        verdicts.sort_by_key(|(replica, _)| *replica);
        verdicts
    }

    #[test]
    fn races_of_attributes_are_explained() {
        use Verdict::{Holds, HoldsHigherStamp, HoldsOverRemoval, LostLowerStamp, LostRemoval};
        let kinds = [WriteKind::SetAttribute, WriteKind::RemoveAttribute];
        let base = run(Some(created()), &set("old"), 1, 2);
        assert_eq!(verdicts(&base, &kinds), [(1, Holds)]);
        let values = raced(&base, &set("x"), &set("y"));
        assert_eq!(verdicts(&values, &kinds), [(1, HoldsHigherStamp), (2, LostLowerStamp)]);
        let removal = raced(&base, &remove(), &set("y"));
        assert_eq!(verdicts(&removal, &kinds), [(1, LostRemoval), (2, HoldsOverRemoval)]);
        let later = run(Some(values), &set("z"), 2, 9);
        assert_eq!(verdicts(&later, &kinds), [(2, Holds)], "the next write has seen both");
    }

    #[test]
    fn races_of_logins_are_explained() {
        use Verdict::{HoldsFirstLogin, HoldsLowerPrivilege, LostHigherPrivilege, LostLaterLogin};
        let base = created();
        let kinds = [WriteKind::Login];
        let levels = raced(&base, &login_at(1), &login_at(2));
        assert_eq!(verdicts(&levels, &kinds), [(1, HoldsLowerPrivilege), (2, LostHigherPrivilege)]);
        let equal = raced(&base, &login_at(2), &login_at(2));
        assert_eq!(verdicts(&equal, &kinds), [(1, LostLaterLogin), (2, HoldsFirstLogin)]);
    }

    fn rotate(to: u8, grace_ms: u64) -> Command {
        let secret = SecretHash([to; 16]);
        Command::Rotate(Rotate { secret, grace_ms, update: Update::default() })
    }

    #[test]
    fn races_of_rotations_are_explained() {
        use Verdict::{HoldsHigherStamp, HoldsWithoutGrace, LostLowerStamp, LostToRotationWithoutGrace};
        let (base, kinds) = (created(), [WriteKind::Rotate, WriteKind::RotateWithoutGrace]);
        let alone = run(Some(base.clone()), &rotate(1, 0), 1, 3);
        assert_eq!(verdicts(&alone, &[WriteKind::RotateWithoutGrace]), [(1, Verdict::Holds)]);
        let routine = raced(&base, &rotate(1, 100), &rotate(2, 100));
        assert_eq!(verdicts(&routine, &kinds), [(1, HoldsHigherStamp), (2, LostLowerStamp)]);
        let login = raced(&base, &rotate(1, 100), &rotate(2, 0));
        assert_eq!(verdicts(&login, &kinds), [(1, LostToRotationWithoutGrace), (2, HoldsWithoutGrace)]);
        let marked = run(Some(alone), &Command::MarkReplay, 2, 9);
        assert_eq!(verdicts(&marked, &[WriteKind::Replay]), [(2, Verdict::Counts)]);
    }

    #[test]
    fn a_revocation_is_all_that_is_left() {
        let ended = run(Some(created()), &Command::Revoke { reason: "logout".into() }, 2, 1);
        let kinds: Vec<_> = explain(&ended).iter().map(|write| write.kind).collect();
        assert_eq!(kinds, [WriteKind::Create, WriteKind::Revoke]);
        let before = run(Some(created()), &set("x"), 1, 2);
        let told: Vec<_> =
            explain_ended(&ended, &before).iter().map(|write| (write.kind, write.verdict)).collect();
        let dropped = (WriteKind::SetAttribute, Verdict::LostToEnd);
        assert_eq!(told.iter().filter(|it| **it == dropped).count(), 1);
        assert!(explain_ended(&before, &before) == explain(&before));
    }

    proptest! {
        /// Whatever raced, one write of each attribute holds, and it is the one that is read.
        #[test]
        fn exactly_one_write_of_a_name_holds(
            steps in proptest::collection::vec((1u16..4, 0u8..3, any::<bool>()), 1..20),
        ) {
            let mut replicas = vec![created(); 4];
            for (number, (replica, what, meets)) in steps.into_iter().enumerate() {
                let command = match what {
                    0 => remove(),
                    _ => set(&format!("value {number}")),
                };
                let at = usize::from(replica);
                let state = run(Some(replicas[at].clone()), &command, replica, 5 + number as u64);
                replicas[at] = state;
                if meets {
                    let other = replicas[at].clone();
                    replicas[at % 3 + 1].merge(other);
                }
            }
            let merged = replicas.into_iter().reduce(|mut one, other| { one.merge(other); one }).unwrap();
            let value = merged.body().unwrap().attributes.get("a").and_then(|register| register.value());
            let writes = explain(&merged);
            let attributes: Vec<_> = writes.iter().filter(|write| &*write.name == "a").collect();
            let holds = |write: &&&KnownWrite| matches!(
                write.verdict, Verdict::Holds | Verdict::HoldsHigherStamp | Verdict::HoldsOverRemoval
            );
            if !attributes.is_empty() {
                let holding: Vec<_> = attributes.iter().filter(holds).collect();
                prop_assert_eq!(holding.len(), 1);
                prop_assert_eq!(holding[0].kind == WriteKind::SetAttribute, value.is_some());
                prop_assert_eq!(holding[0].size, value.map_or(0, |value| value.bytes.len() as u64));
            }
        }
    }
}
