//! What a fragment tells.

use std::sync::Arc;

use bytes::Bytes;

use crate::session::{AuthBlock, Body, Dot, Members, Name, Register, Root, Session, Value};

/// What one write did to a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Told {
    /// When, by its origin's clock, in milliseconds since the Unix epoch. 0 if all it
    /// changed are counters and sets, which carry no time.
    pub at_ms: u64,
    /// What.
    pub happened: Happened,
}

/// The kinds of events that come from writes.
#[derive(Clone, PartialEq, Eq)]
pub enum Happened {
    /// The session was made.
    Created(Changed),
    /// It was changed.
    Changed(Changed),
    /// It got another id.
    Rotated {
        /// The old id was dead at once.
        without_grace: bool,
        /// What was changed with it.
        changed: Changed,
    },
    /// An id was used that had been replaced.
    Replayed,
    /// It was ended.
    Revoked {
        /// Why.
        reason: Arc<str>,
    },
}

/// What a write changed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Attributes with what was written; none if removed.
    pub attributes: Vec<(Name, Option<Value>)>,
    /// Counters that were added to.
    pub counters: Vec<Name>,
    /// Sets.
    pub sets: Vec<SetChange>,
    /// The new login, if it was replaced.
    pub login: Option<AuthBlock>,
}

/// What a write changed of one set.
#[derive(Clone, PartialEq, Eq)]
pub struct SetChange {
    /// The set.
    pub name: Name,
    /// Members that are in it for this write.
    pub added: Vec<Bytes>,
    /// Members that are not.
    pub removed: Vec<Bytes>,
}

/// What the fragment of the write `dot` tells; nothing of a touch, nor of a lapse: that the
/// session has expired is told by time.
#[must_use]
pub fn judge(fragment: &Session, dot: Dot) -> Option<Told> {
    let body = match &fragment.root {
        Root::Revoked(revocation) => {
            let happened = Happened::Revoked { reason: revocation.reason.clone() };
            return Some(Told { at_ms: revocation.stamp.wall_ms(), happened });
        }
        Root::Live(body) if body.lapsed.is_some() => return None,
        Root::Live(body) => body,
    };
    let (changed, hlc) = changed(body, dot);
    // Only the fragment of a creation can stand for the session.
    if fragment.complete {
        let at_ms = fragment.birth.created.wall_ms();
        return Some(Told { at_ms, happened: Happened::Created(changed) });
    }
    if let Some(write) = body.ids.writes().iter().find(|write| write.dot == dot) {
        let happened = Happened::Rotated { without_grace: write.is_cut(), changed };
        return Some(Told { at_ms: write.hlc >> 16, happened });
    }
    if let Some(mark) = body.replays.marks().iter().find(|mark| mark.dot == dot) {
        return Some(Told { at_ms: mark.hlc >> 16, happened: Happened::Replayed });
    }
    let happened = Happened::Changed(changed.clone());
    (changed != Changed::default()).then_some(Told { at_ms: hlc >> 16, happened })
}

fn changed(body: &Body, dot: Dot) -> (Changed, u64) {
    let mut changed = Changed::default();
    let mut newest_hlc = 0;
    for (name, register) in &body.attributes {
        if let Some((hlc, value)) = written(register, dot) {
            newest_hlc = newest_hlc.max(hlc);
            changed.attributes.push((name.clone(), value));
        }
    }
    if let Some((hlc, login)) = written(&body.auth, dot) {
        newest_hlc = newest_hlc.max(hlc);
        changed.login = Some(login.unwrap_or_default());
    }
    changed.counters = body.counters.keys().cloned().collect();
    changed.sets = body.sets.iter().map(|(name, members)| set(name, members)).collect();
    (changed, newest_hlc)
}

/// The write of a register that a fragment is about.
fn written<T: Clone>(register: &Register<T>, dot: Dot) -> Option<(u64, Option<T>)> {
    let write = register.writes().iter().find(|write| write.dot == dot)?;
    Some((write.hlc, write.value.clone()))
}

fn set(name: &Name, members: &Members) -> SetChange {
    let (added, removed): (Vec<_>, Vec<_>) = members.iter().partition(|(_, presence)| presence.is_present());
    let members = |side: Vec<(&Bytes, _)>| side.into_iter().map(|(member, _)| member.clone()).collect();
    SetChange { name: name.clone(), added: members(added), removed: members(removed) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::testing::{dot, logged, take};
    use crate::engine::{self, Changes, Command, Create, Rotate, Update};
    use crate::session::{SecretHash, SessionLimits, ValueKind};

    const NOW_MS: u64 = 1_800_000_000_000;

    fn made(state: Option<Session>, command: &Command, seq: u64) -> (Session, Option<Told>) {
        let dot = dot(3, seq);
        let done = take(state, command, dot, NOW_MS + seq, &SessionLimits::default());
        let fragment = done.fragment.as_ref().map(logged);
        (done.state, fragment.and_then(|fragment| judge(&fragment, dot)))
    }

    fn created() -> Session {
        let changes = Changes { add_counters: vec![("n".into(), 1)], ..Changes::default() };
        let create = Create {
            namespace: "web".into(),
            idle_timeout_ms: 100_000,
            absolute_timeout_ms: 1_000_000,
            changes,
        };
        let (state, told) = made(None, &Command::Create(create), 1);
        let told = told.unwrap();
        assert_eq!(told.at_ms, NOW_MS + 1);
        assert!(matches!(told.happened, Happened::Created(changed) if changed.counters == ["n".into()]));
        state
    }

    #[test]
    fn a_touch_tells_nothing_and_a_revocation_its_reason() {
        let state = created();
        let (state, told) = made(Some(state), &Command::Touch, 60_000);
        assert!(told.is_none());
        let (_, told) = made(Some(state), &Command::Revoke { reason: "logout".into() }, 60_001);
        let told = told.unwrap();
        assert_eq!(told.at_ms, NOW_MS + 60_001);
        assert!(matches!(told.happened, Happened::Revoked { reason } if &*reason == "logout"));
    }

    #[test]
    fn a_rotation_tells_what_was_changed_with_it_and_a_replay_is_told() {
        let changes = Changes { set_attributes: vec![("a".into(), text("1"))], ..Changes::default() };
        for (grace_ms, is_cut) in [(0, true), (10, false)] {
            let update = Update { changes: changes.clone(), touch: true, ..Update::default() };
            let rotate = Command::Rotate(Rotate { secret: SecretHash([1; 16]), grace_ms, update });
            let (state, told) = made(Some(created()), &rotate, 2);
            let told = told.unwrap();
            assert_eq!(told.at_ms, NOW_MS + 2);
            let Happened::Rotated { without_grace, changed } = told.happened else { panic!("not rotated") };
            assert_eq!((without_grace, changed.attributes.len()), (is_cut, 1));
            let (_, told) = made(Some(state), &Command::MarkReplay, 50);
            assert!(
                told.is_some_and(|told| told.happened == Happened::Replayed && told.at_ms == NOW_MS + 50)
            );
        }
    }

    #[test]
    fn counters_alone_have_no_time() {
        let changes = Changes { add_counters: vec![("n".into(), 1)], ..Changes::default() };
        let (_, told) =
            made(Some(created()), &Command::Update(Update { changes, touch: true, ..Update::default() }), 2);
        let told = told.unwrap();
        assert_eq!(told.at_ms, 0);
        assert!(matches!(told.happened, Happened::Changed(changed) if changed.login.is_none()));
    }

    fn text(text: &str) -> Value {
        Value { kind: ValueKind::Text, bytes: Bytes::copy_from_slice(text.as_bytes()) }
    }

    fn names(range: std::ops::Range<u8>) -> impl Strategy<Value = BTreeSet<String>> {
        proptest::collection::btree_set(range.prop_map(|number| format!("a{number}")), 0..5)
    }

    proptest! {
        /// Exactly what a write changed is told, whatever the session held before.
        #[test]
        fn what_changed_is_told(
            writes in proptest::collection::vec((names(0..6), names(6..12), 0u8..3, any::<bool>()), 1..12),
        ) {
            let mut state = created();
            for (number, (set, remove, members, login)) in writes.into_iter().enumerate() {
                let before = state.body().unwrap().clone();
                let held = |name: &String| {
                    before.attributes.get(name.as_str()).is_some_and(|held| held.value().is_some())
                };
                let present = |member: &[u8]| {
                    before.sets.get("s").and_then(|set| set.get(member)).is_some_and(|it| it.is_present())
                };
                // Names are removed by every other write, and set by the others.
                let (set, remove) = if number % 2 == 0 { (&set | &remove, BTreeSet::new()) } else { (set, remove) };
                let add: Vec<Bytes> = (0..members).map(|member| Bytes::from(vec![member])).collect();
                let gone: Vec<Bytes> = (members..3).map(|member| Bytes::from(vec![member])).collect();
                let changes = Changes {
                    set_attributes: set.iter().map(|name| (name.as_str().into(), text(name))).collect(),
                    remove_attributes: remove.iter().map(|name| name.as_str().into()).collect(),
                    add_counters: Vec::new(),
                    change_sets: vec![engine::SetChange { name: "s".into(), add: add.clone(), remove: gone.clone() }],
                    set_auth: login.then(|| AuthBlock { principal: "ada".into(), ..AuthBlock::default() }),
                };
                let command = Command::Update(Update { changes, touch: true, ..Update::default() });
                let (after, told) = made(Some(state), &command, 2 + number as u64);
                let wanted: BTreeSet<String> =
                    set.iter().cloned().chain(remove.into_iter().filter(held)).collect();
                let changed = match told.map(|told| told.happened) {
                    Some(Happened::Changed(changed)) => changed,
                    None => Changed::default(),
                    Some(_) => panic!("neither made nor ended"),
                };
                let told: BTreeSet<String> =
                    changed.attributes.iter().map(|(name, _)| name.to_string()).collect();
                prop_assert_eq!(told, wanted);
                for (name, value) in &changed.attributes {
                    prop_assert_eq!(value.is_some(), set.contains(&**name));
                }
                let removed: Vec<Bytes> = gone.into_iter().filter(|member| present(member)).collect();
                let told = changed.sets.first().map(|set| (set.added.clone(), set.removed.clone()));
                prop_assert_eq!(told.unwrap_or_default(), (add, removed));
                prop_assert_eq!(changed.login.is_some(), login);
                state = after;
            }
        }
    }
}
