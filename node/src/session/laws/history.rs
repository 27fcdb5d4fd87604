//! Random histories: replicas that write, and fragments that arrive in any order, twice or never.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use crate::session::{
    AuthBlock, Birth, Body, Dot, Hlc, Name, Origin, Replays, ReplicaId, Revocation, Root, SecretHash,
    Session, Stamp, Value, ValueKind, VersionVector,
};

pub(crate) const CREATED_MS: u64 = 1_790_000_000_000;
pub(crate) const REPLICAS: usize = 3;

#[derive(Clone, Debug)]
pub(crate) enum Event {
    Write { replica: usize, wall_ms: u64, change: Change },
    Deliver { fragment: prop::sample::Index, replica: usize },
    Restart { replica: usize },
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Attribute(Name, Option<Value>),
    Auth(AuthBlock),
    Count(Name, i64),
    Member(Name, Bytes, bool),
    Rotate { secret: u8, grace_ms: u64 },
    MarkReplay,
    Touch,
    Lapse,
    Revoke,
}

/// What a history leaves behind.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) states: Vec<Session>,
    pub(crate) fragments: Vec<Session>,
    origins: Vec<Origin>,
    seqs: Vec<u64>,
    clocks: Vec<Hlc>,
}

impl World {
    pub(crate) fn run(history: &[Event]) -> Self {
        let origins: Vec<_> = (1..).take(REPLICAS).map(|id| origin(id, 1)).collect();
        let mut world = Self {
            // The creator is not the lowest of the origins.
            states: vec![Session::new(birth(origins[1])).fragment(Body::default()); REPLICAS],
            fragments: Vec::new(),
            origins,
            seqs: vec![0; REPLICAS],
            clocks: vec![Hlc::starting_after(CREATED_MS << 16); REPLICAS],
        };
        world.states[1] = Session::new(birth(world.origins[1]));
        world.fragments.push(world.states[1].clone());
        history.iter().for_each(|event| world.step(event));
        world
    }

    /// States and fragments alike.
    pub(crate) fn all(&self) -> Vec<Session> {
        self.states.iter().chain(&self.fragments).cloned().collect()
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::Write { replica, wall_ms, change } => self.write(*replica, *wall_ms, change),
            Event::Deliver { fragment, replica } => {
                let fragment = fragment.get(&self.fragments).clone();
                self.states[*replica].merge(fragment);
            }
            Event::Restart { replica } => {
                self.origins[*replica].incarnation += 1;
                self.seqs[*replica] = 0;
            }
        }
    }

    fn write(&mut self, replica: usize, wall_ms: u64, change: &Change) {
        self.seqs[replica] += 1;
        let dot = Dot { origin: self.origins[replica], seq: self.seqs[replica] };
        let hlc = self.clocks[replica].tick(CREATED_MS + wall_ms);
        let state = &mut self.states[replica];
        let Some(fragment) = fragment(state, change, dot, hlc) else { return };
        state.merge(fragment.clone());
        self.fragments.push(fragment);
    }
}

/// The fragment of a change; none if the session has ended.
fn fragment(state: &Session, change: &Change, dot: Dot, hlc: u64) -> Option<Session> {
    let held = state.body()?;
    let mut body = Body::default();
    match change.clone() {
        Change::Attribute(name, value) => {
            let register = held.attributes.get(&name).cloned().unwrap_or_default().write(dot, hlc, value);
            body.attributes.insert(name, register);
        }
        Change::Auth(auth) => body.auth = held.auth.write(dot, hlc, Some(auth)),
        Change::Count(name, amount) => {
            let counter = held.counters.get(&name).cloned().unwrap_or_default();
            body.counters.insert(name, counter.add(dot.origin, amount).ok()?);
        }
        Change::Member(name, member, add) => {
            let members = held.sets.get(&name);
            let presence = members.and_then(|members| members.get(&member)).cloned().unwrap_or_default();
            let presence = if add { presence.add(dot) } else { presence.remove() };
            body.sets.entry(name).or_default().insert(member, presence);
        }
        Change::Rotate { secret, grace_ms } => {
            let (stamp, secret) = (Stamp { hlc, origin: dot.origin }, SecretHash([secret; 16]));
            body.ids = held.ids.rotate(dot, stamp, secret, grace_ms, hlc >> 16);
        }
        Change::MarkReplay => body.replays = Replays::mark(dot, Stamp { hlc, origin: dot.origin }),
        Change::Touch => body.last_seen_ms = hlc >> 16,
        Change::Lapse => {
            return Some(state.lapsed(held.last_seen_ms, Stamp { hlc, origin: dot.origin }));
        }
        Change::Revoke => {
            let stamp = Stamp { hlc, origin: dot.origin };
            return Some(state.revoked(Revocation { stamp, seq: dot.seq, reason: Arc::from("logout") }));
        }
    }
    Some(state.fragment(body))
}

pub(crate) fn origin(replica: u16, incarnation: u32) -> Origin {
    Origin { replica: ReplicaId(replica), incarnation }
}

pub(crate) fn birth(creator: Origin) -> Birth {
    Birth {
        namespace: Arc::from("web"),
        created: Stamp { hlc: CREATED_MS << 16, origin: creator },
        absolute_deadline_ms: CREATED_MS + 12 * 3_600_000,
        idle_timeout_ms: 30 * 60_000,
    }
}

pub(crate) fn merged(parts: impl IntoIterator<Item = Session>) -> Session {
    let merged = parts.into_iter().reduce(|mut all, part| {
        all.merge(part);
        all
    });
    merged.unwrap()
}

pub(crate) fn is_revoked(session: &Session) -> bool {
    matches!(session.root, Root::Revoked(_))
}

pub(crate) fn history() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(change()), 0..40)
}

/// Without the end of the session, which would hide the other parts.
pub(crate) fn living_history() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(living_change()), 0..40)
}

fn event(change: impl Strategy<Value = Change>) -> impl Strategy<Value = Event> {
    let replica = 0..REPLICAS;
    let write = (replica.clone(), 0..5_000_000_u64, change);
    prop_oneof![
        10 => write.prop_map(|(replica, wall_ms, change)| Event::Write { replica, wall_ms, change }),
        12 => (any::<prop::sample::Index>(), replica.clone())
            .prop_map(|(fragment, replica)| Event::Deliver { fragment, replica }),
        1 => replica.prop_map(|replica| Event::Restart { replica }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![30 => living_change(), 1 => Just(Change::Lapse), 1 => Just(Change::Revoke)]
}

fn living_change() -> impl Strategy<Value = Change> {
    let name = || prop_oneof![Just("a"), Just("b"), Just("a longer name, with ü")].prop_map(Name::from);
    let bytes = || prop::collection::vec(any::<u8>(), 0..4).prop_map(Bytes::from);
    let member = prop_oneof![Just("x"), Just("y")].prop_map(Bytes::from);
    let kind = prop_oneof![Just(ValueKind::Data), Just(ValueKind::Text), Just(ValueKind::Json)];
    let value = (kind, bytes()).prop_map(|(kind, bytes)| Value { kind, bytes });
    prop_oneof![
        4 => (name(), prop::option::of(value)).prop_map(|(name, value)| Change::Attribute(name, value)),
        1 => auth().prop_map(Change::Auth),
        2 => (name(), prop_oneof![-9..9_i64, any::<i64>()]).prop_map(|(name, by)| Change::Count(name, by)),
        3 => (name(), member, any::<bool>()).prop_map(|(name, member, add)| Change::Member(name, member, add)),
        3 => (1..9_u8, prop_oneof![Just(0), Just(60_000_u64)])
            .prop_map(|(secret, grace_ms)| Change::Rotate { secret, grace_ms }),
        1 => Just(Change::MarkReplay),
        1 => Just(Change::Touch),
    ]
}

fn auth() -> impl Strategy<Value = AuthBlock> {
    let epoch = prop::collection::btree_map((1..4_u16).prop_map(|id| origin(id, 7)), 1..300_u64, 0..3);
    ("[a-c]", 0..3_u32, 0..2_usize, any::<u64>(), epoch).prop_map(|(principal, level, texts, at, dots)| {
        AuthBlock {
            principal: Arc::from(principal),
            level,
            methods: vec![Arc::from("otp"); texts],
            auth_time_ms: at,
            roles: vec![Arc::from("admin"); 1 - texts],
            csrf_secret: Bytes::from_static(b"secret"),
            epoch_seen: VersionVector { dots },
        }
    })
}
