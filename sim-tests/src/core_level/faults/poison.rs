//! Entries that are late, twice, out of order, or poisoned, at the engine's door.

use std::collections::BTreeMap;

use bytes::Bytes;
use sojourn_node::engine::LogEntry;
use sojourn_node::env::{Rng, StdRng};
use sojourn_node::replication::Replica;
use sojourn_node::session::{DecodeLimits, Origin, Register, Root, Session, Value, ValueKind};

use super::World;
use crate::core_level::network::Trouble;
use crate::plan::NodeId;
use crate::record::Happening;

/// The name of an attribute that no sound write has.
pub(in crate::core_level) const POISON: &str = "poison";

/// Whether a fragment is poison that can be told from sound ones by itself.
pub(in crate::core_level) fn is_poisoned(fragment: &[u8]) -> bool {
    fragment.windows(POISON.len()).any(|bytes| bytes == POISON.as_bytes())
}

/// Poisoned entries of one fault.
const POISONED_MAX: usize = 8;

/// One byte more than is decoded.
const OVERSIZE_BYTES: usize = (4 << 20) + 1;

const DECADE_MS: u64 = 10 * 365 * 86_400_000;

/// Which faults poison what a node takes, and how often they have.
#[derive(Default)]
pub(super) struct Poisoner {
    faults: BTreeMap<usize, (NodeId, usize)>,
}

impl Poisoner {
    pub(super) fn begin(&mut self, number: usize, node: NodeId) {
        self.faults.insert(number, (node, 0));
    }

    pub(super) fn end(&mut self, number: usize) {
        self.faults.remove(&number);
    }

    /// The fault that strikes an entry on its way to a node.
    fn strike(&mut self, node: NodeId) -> Option<usize> {
        let of_node = |(of, count): &&mut (NodeId, usize)| *of == node && *count < POISONED_MAX;
        let mut faults = self.faults.iter_mut().map(|(number, fault)| (*number, fault));
        let (number, (_, count)) = faults.find(|(_, fault)| of_node(fault))?;
        *count += 1;
        Some(number)
    }
}

impl World {
    /// What becomes of the entries of a batch before the engine sees them.
    pub(in crate::core_level) fn tamper(
        &mut self,
        at: (NodeId, u64),
        mut entries: Vec<LogEntry>,
    ) -> Vec<LogEntry> {
        let duplicate = |trouble: &Trouble| match trouble {
            Trouble::Duplicate { permille } => Some(*permille),
            _ => None,
        };
        if let Some(fault) = self.network.strikes(&mut self.rng, duplicate) {
            self.observed(fault);
            self.apply_late(at, entries.clone(), 3_000_000);
        }
        let reorder = |trouble: &Trouble| match trouble {
            Trouble::Reorder { permille } => Some(*permille),
            _ => None,
        };
        if let Some(fault) = self.network.strikes(&mut self.rng, reorder) {
            self.observed(fault);
            for place in (1..entries.len()).rev() {
                let other = self.rng.random_range(0..=place);
                entries.swap(place, other);
            }
            // One of them is overtaken by what comes after this batch.
            if let Some(late) = entries.pop() {
                self.apply_late(at, vec![late], 500_000);
            }
        }
        self.poison(at, entries)
    }

    /// Copies that took another way.
    fn apply_late(&mut self, at: (NodeId, u64), entries: Vec<LogEntry>, delay_us_max: u64) {
        let delay_us = self.rng.random_range(1_000..=delay_us_max);
        self.after_us_at(at, delay_us, move |world| {
            let Some(run) = world.running(at) else { return };
            let engine = run.shared.engine.clone();
            let apply = async move { drop(Replica::apply(&*engine, entries).await) };
            world.run_at(at, apply, |_, ()| {});
        });
    }

    fn poison(&mut self, at: (NodeId, u64), mut entries: Vec<LogEntry>) -> Vec<LogEntry> {
        if entries.is_empty() {
            return entries;
        }
        let Some(fault) = self.faults.poisoner.strike(at.0) else { return entries };
        let place = self.rng.random_range(0..entries.len());
        let (Some(sound), Some(run)) = (entries.get(place).cloned(), self.running(at)) else {
            return entries;
        };
        let (engine, me) = (run.shared.engine.clone(), run.shared.me);
        let kind = self.rng.random_range(0..5);
        let wall_ms = self.machine(at.0).map_or(0, |machine| machine.clock.look_ms());
        let Some(poisoned) = poisoned(&sound, kind, me, wall_ms, &mut self.rng) else { return entries };
        self.observed(fault);
        self.trace(&("poison", at, kind));
        // The sound one comes by another way, before or after.
        self.apply_late(at, vec![sound], 2_000_000);
        if let Some(entry) = entries.get_mut(place) {
            *entry = poisoned;
        }
        let refused = engine.stats().refused_entries;
        self.after_us_at(at, 1_000, move |world| {
            if engine.stats().refused_entries > refused {
                world.record(Happening::PoisonRefused { node: at.0 });
            }
        });
        entries
    }
}

/// A poisoned copy of an entry.
fn poisoned(sound: &LogEntry, kind: u32, me: Origin, wall_ms: u64, rng: &mut StdRng) -> Option<LogEntry> {
    let noise = |rng: &mut StdRng| {
        let length = rng.random_range(0..200);
        (0..length).map(|_| rng.random()).collect::<Vec<u8>>()
    };
    let fragment = match kind {
        0 => Bytes::from(noise(rng)),
        1 => Bytes::from(vec![0; OVERSIZE_BYTES]),
        // Of this node itself, which it has not written.
        2 => {
            return Some(LogEntry {
                origin: me,
                seq: sound.seq + 1_000,
                fragment: with_poison(sound, 0, wall_ms)?,
                ..sound.clone()
            });
        }
        // Names a later write of its own origin.
        3 => with_poison(sound, 1_000, wall_ms)?,
        // Stamped far in the future.
        _ => with_poison(sound, 0, wall_ms + DECADE_MS)?,
    };
    Some(LogEntry { fragment, ..sound.clone() })
}

fn with_poison(sound: &LogEntry, later: u64, wall_ms: u64) -> Option<Bytes> {
    let mut session = Session::decode(&sound.fragment, &DecodeLimits::default()).ok()?;
    let Root::Live(body) = &mut session.root else { return None };
    let mut dot = sound.dot();
    dot.seq += later;
    let value = Value { kind: ValueKind::Text, bytes: Bytes::from_static(b"poison") };
    body.attributes.insert(POISON.into(), Register::default().write(dot, wall_ms << 16, Some(value)));
    Some(session.encode())
}
