//! Looks into every node, again and again.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sojourn_node::engine::Engine;
use sojourn_node::membership::Membership;
use sojourn_node::session::{Key, Partition};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::faults::POISON;
use super::layout;
use super::node::Machine;
use super::operations::{Sessions, is_ended, is_ended_now, shown};
use super::world::World;
use crate::plan::{NodeId, SessionId};
use crate::record::{Happening, LOST_RECORD, Sample, Shown};

const INTERVAL_US: u64 = 500_000;

/// Each session is looked at in one of so many rounds.
const ROUNDS: u32 = 4;

/// Counts rounds.
#[derive(Default)]
pub(super) struct Observer {
    round: u32,
    turn: usize,
    /// What each node took the membership to be when it was last looked at, with its hash.
    memberships: BTreeMap<NodeId, (Arc<Membership>, u64)>,
    /// What was asked for the comparison, and whether any look has told it.
    compared: BTreeMap<(NodeId, SessionId), bool>,
}

impl Observer {
    fn hash_of(&mut self, node: NodeId, membership: &Arc<Membership>) -> u64 {
        match self.memberships.get(&node) {
            Some((known, hash)) if Arc::ptr_eq(known, membership) => *hash,
            _ => {
                let hash = hash_of(membership);
                self.memberships.insert(node, (membership.clone(), hash));
                hash
            }
        }
    }
}

impl World {
    /// Looks at every node that runs, and again later.
    pub(super) fn keep_observing(&mut self) {
        self.after_us(INTERVAL_US, World::keep_observing);
        self.observer.round += 1;
        let round = self.observer.round % ROUNDS;
        self.watch();
        for node in self.up() {
            self.show_state(node);
            self.sample(node);
            for session in (0..self.plan.shape.sessions).filter(|session| session % ROUNDS == round) {
                self.probe(node, SessionId(session));
            }
        }
    }

    /// Clients take the replicas of a region in turn.
    pub(super) fn next_turn(&mut self) -> usize {
        self.observer.turn += 1;
        self.observer.turn
    }

    pub(super) fn up(&self) -> Vec<NodeId> {
        self.nodes.iter().filter(|machine| machine.is_up()).map(|machine| machine.id).collect()
    }

    pub(super) fn sample(&mut self, node: NodeId) {
        let Some((machine, run)) = self.nodes.get(usize::from(node.0)).and_then(with_run) else { return };
        let membership = run.shared.membership();
        let engine = &run.shared.engine;
        let stats = engine.stats();
        let held = held_partitions(&membership, run.shared.me.replica, engine);
        let sample = Sample {
            digests: held.map(|partition| (partition.0, engine.digest(partition).digest)).collect(),
            records: stats.records,
            buffered_bytes: run.buffered_bytes().max(run.buffered_bytes_max),
            held_bytes: stats.held_bytes,
            clock_offset_ms: machine.clock.offset_ms(),
            membership: (membership.epoch, self.observer.hash_of(node, &membership)),
        };
        if let Some(run) = self.machine(node).and_then(|machine| machine.run.as_mut()) {
            run.buffered_bytes_max = 0;
        }
        self.record(Happening::Sampled { node, sample });
    }

    /// A session that a node holds and has not told since replicas are compared, though it was asked.
    pub(super) fn unread(&self) -> Option<(NodeId, SessionId)> {
        let mut compared = self.observer.compared.iter();
        compared.find(|(_, is_told)| !**is_told).map(|(asked, _)| *asked)
    }

    /// Looks at a session on a node, if it holds it and has it in memory.
    pub(super) fn probe(&mut self, node: NodeId, session: SessionId) {
        let key = Sessions::key(session);
        let Some((machine, run)) = self.nodes.get(usize::from(node.0)).and_then(with_run) else { return };
        let engine = &run.shared.engine;
        let partition = engine.partition(&key);
        if !layout::serves(&run.shared.membership(), run.shared.me.replica, partition) {
            return;
        }
        if self.comparing {
            self.observer.compared.entry((node, session)).or_default();
        }
        let Some(record) = engine.read_now(key) else {
            let is_lost = engine.partials(partition, usize::MAX).contains(&key);
            return if is_lost {
                self.seen(node, session, Shown::Partial, LOST_RECORD)
            } else {
                self.probe_cold(node, session, key)
            };
        };
        let now_ms = machine.clock.look_ms();
        let (mut shown, hash) = judge(record.as_ref().map(|record| &record.state), now_ms);
        if let (Shown::Live(_), Some(record)) = (&shown, &record) {
            match is_ended_now(engine, key, &record.state, now_ms) {
                Some(true) => shown = Shown::Revoked,
                Some(false) => {}
                None => return self.probe_cold(node, session, key),
            }
        }
        let is_live = matches!(shown, Shown::Live(_));
        self.seen(node, session, shown, hash);
        if is_live {
            self.tell_freshness(node, session);
        }
    }

    /// Looks at a session that is on a node's disk only.
    fn probe_cold(&mut self, node: NodeId, session: SessionId, key: Key) {
        let Some(run) = self.machine(node).and_then(|machine| machine.run.as_ref()) else { return };
        let (at, engine) = (run.shared.at(), run.shared.engine.clone());
        let now_ms = self.machine(node).map_or(0, |machine| machine.clock.look_ms());
        let read = async move {
            let state = engine.read(key).await.ok()?.map(|record| record.state);
            let is_ended = match &state {
                Some(state) => is_ended(&engine, key, state, now_ms).await.ok()?,
                None => false,
            };
            Some((state, is_ended))
        };
        self.run_at(at, read, move |world, read| {
            let Some((state, is_ended)) = read else { return };
            if world.has_changed(node, key, state.as_ref()) {
                // Written while the disk was asked: the next look tells.
                return;
            }
            // The disk may be slow: what was live when it was asked may be over by now.
            let now_ms = world.machine(node).map_or(0, |machine| machine.clock.look_ms());
            let (mut shown, hash) = judge(state.as_ref(), now_ms);
            if is_ended && matches!(shown, Shown::Live(_)) {
                shown = Shown::Revoked;
            }
            world.seen(node, session, shown, hash);
        });
    }

    /// Whether a node holds another state in memory by now than a look has found.
    fn has_changed(&self, node: NodeId, key: Key, found: Option<&bytes::Bytes>) -> bool {
        let run = self.nodes.get(usize::from(node.0)).and_then(with_run).map(|(_, run)| run);
        let now = run.and_then(|run| run.shared.engine.read_now(key));
        now.is_some_and(|record| record.map(|record| record.state).as_ref() != found)
    }

    fn seen(&mut self, node: NodeId, session: SessionId, shown: Shown, state_hash: u128) {
        if let Shown::Live(content) = &shown
            && content.attributes.contains_key(POISON)
        {
            self.record(Happening::PoisonSpread { node });
        }
        if self.comparing {
            self.observer.compared.insert((node, session), true);
        }
        self.record(Happening::Probed { node, session, shown, state_hash });
    }
}

fn with_run(machine: &Machine) -> Option<(&Machine, &super::node::Running)> {
    Some((machine, machine.run.as_ref()?))
}

fn judge(state: Option<&bytes::Bytes>, now_ms: u64) -> (Shown, u128) {
    match state {
        None => (Shown::Absent, 0),
        Some(state) => (shown(state, now_ms), xxh3_128(state).max(1)),
    }
}

pub(super) fn held_partitions<'a>(
    membership: &'a Membership,
    replica: sojourn_node::session::ReplicaId,
    engine: &Engine,
) -> impl Iterator<Item = Partition> + use<'a> {
    engine.config().partitions().filter(move |partition| layout::serves(membership, replica, *partition))
}

fn hash_of(membership: &Membership) -> u64 {
    let mut hasher = Xxh3::new();
    for node in membership.nodes.values() {
        (node.replica, &node.name, &node.region, node.weight, node.state as u8, &node.store_id)
            .hash(&mut hasher);
    }
    membership.layout.version.hash(&mut hasher);
    hasher.finish()
}
