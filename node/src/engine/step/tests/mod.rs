//! What each command makes of a session: state, fragment and reply, exactly.

mod changes;
mod lifecycle;
mod limits;
mod merge;
mod rotation;

use bytes::Bytes;

use super::*;
use crate::session::{Origin, ReplicaId, Value, ValueKind};

const T0_MS: u64 = 1_800_000_000_000;
const IDLE_MS: u64 = 200_000;
const LIFE_MS: u64 = 3_600_000;

fn origin(replica: u16) -> Origin {
    Origin { replica: ReplicaId(replica), incarnation: 1 }
}

fn dot(seq: u64) -> Dot {
    Dot { origin: origin(1), seq }
}

fn stamp(now_ms: u64) -> Stamp {
    Stamp { hlc: now_ms << 16, origin: origin(1) }
}

fn limits() -> SessionLimits {
    SessionLimits { idle_timeout_ms_min: IDLE_MS, ..SessionLimits::default() }
}

/// Write number `seq` of node 1, `after_ms` after the start.
fn at(state: Option<&Session>, seq: u64, after_ms: u64, command: &Command) -> Result<Step, StepError> {
    let now_ms = T0_MS + after_ms;
    let limits = limits();
    let ctx = StepContext {
        dot: dot(seq),
        stamp: stamp(now_ms),
        now_ms,
        shown: SecretHash::FIRST,
        limits: &limits,
    };
    step(state.cloned(), command, &ctx)
}

fn value(text: &str) -> Value {
    Value { kind: ValueKind::Text, bytes: Bytes::copy_from_slice(text.as_bytes()) }
}

fn set_change(add: &[&'static str], remove: &[&'static str]) -> SetChange {
    let members =
        |names: &[&'static str]| names.iter().map(|name| Bytes::from_static(name.as_bytes())).collect();
    SetChange { name: "set".into(), add: members(add), remove: members(remove) }
}

fn create(changes: Changes) -> Command {
    Command::Create(Create {
        namespace: "web".into(),
        idle_timeout_ms: IDLE_MS,
        absolute_timeout_ms: LIFE_MS,
        changes,
    })
}

fn update(changes: Changes) -> Command {
    Command::Update(Update { changes, ..Update::default() })
}

fn set(name: &str, text: &str) -> Command {
    update(Changes { set_attributes: vec![(name.into(), value(text))], ..Changes::default() })
}

fn remove(name: &str) -> Command {
    update(Changes { remove_attributes: vec![name.into()], ..Changes::default() })
}

fn add_to_counter(amount: i64) -> Command {
    update(Changes { add_counters: vec![("n".into(), amount)], ..Changes::default() })
}

fn change_members(add: &[&'static str], remove: &[&'static str]) -> Command {
    update(Changes { change_sets: vec![set_change(add, remove)], ..Changes::default() })
}

fn revoke(reason: &str) -> Command {
    Command::Revoke { reason: reason.into() }
}

fn new() -> Session {
    at(None, 1, 0, &create(Changes::default())).unwrap().state
}

/// The state after a command, having checked that its fragment alone brings a copy there.
fn after(state: &Session, seq: u64, command: &Command) -> (Session, Body) {
    let done = at(Some(state), seq, 1, command).unwrap();
    assert_eq!(done.reply, Reply::Updated);
    let fragment = done.fragment.expect("something changed");
    assert!(!fragment.complete, "an update cannot stand for the session");
    assert_eq!(fragment.birth, state.birth);
    let mut copy = state.clone();
    copy.merge(fragment.clone());
    assert_eq!(copy, done.state);
    (done.state, fragment.body().unwrap().clone())
}

fn body_of(session: &Session) -> &Body {
    session.body().unwrap()
}
