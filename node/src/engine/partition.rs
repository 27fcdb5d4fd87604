//! PURE. The state of one partition in memory.
//!
//! Records are kept encoded. A changed one is pinned until its checkpoint is in
//! the store; any other may be dropped and read again.

mod lookup;
mod quarantine;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use bytes::Bytes;

pub(super) use lookup::{Loaded, Lookup, Stored};
pub(super) use snapshot::Snapshot;

use super::digest::PartitionDigest;
use super::glimpses::Glimpses;
use super::idempotency::Window;
use super::log::Index;
use super::metadata::Metadata;
use super::recount::Recount;
use super::vectors::Vectors;
use crate::session::{Key, VersionVector};

/// What a cached record takes beside its bytes.
pub(super) const SLOT_BYTES: usize = 96;

/// Records looked at for one that may be dropped.
pub(super) const EVICTION_STEPS_MAX: usize = 16;

#[derive(Debug)]
struct Slot {
    /// None: removed, not yet so in the store.
    state: Option<Bytes>,
    pinned: bool,
    /// Used since the clock hand passed.
    used: bool,
}

impl Slot {
    fn bytes(&self) -> usize {
        SLOT_BYTES + self.state.as_ref().map_or(0, Bytes::len)
    }
}

/// One partition.
#[derive(Debug)]
pub(super) struct PartitionState {
    slots: BTreeMap<Key, Slot>,
    slots_bytes: usize,
    /// Slots with a state, to know whether the store holds more.
    cached: u64,
    evictions: u64,
    hand: Option<Key>,
    dirty: BTreeSet<Key>,
    dirty_bytes: usize,
    /// Under way to the store.
    flushing: BTreeSet<Key>,
    flushing_bytes: usize,
    /// Of these a part was merged from peers' states, so that only a checkpoint keeps it.
    unlogged: BTreeSet<Key>,
    metadata_changed: bool,
    partial: BTreeSet<Key>,
    /// Partial records that the disk may have lost, with what was held when that was noticed.
    lost: BTreeMap<Key, VersionVector>,
    digest: PartitionDigest,
    /// While the digest is counted anew; the number of records is always true.
    recount: Option<Recount>,
    /// The oldest log blocks that are not covered: by this checkpoint, by the one under way.
    first_block: Option<u64>,
    flushing_block: Option<u64>,
    pub(super) vectors: Vectors,
    glimpses: Glimpses,
    pub(super) index: Index,
    pub(super) window: Window,
}

impl PartitionState {
    pub(super) fn new(metadata: Metadata, window: Window) -> Self {
        let seen = metadata.vectors.seen();
        Self {
            slots: BTreeMap::new(),
            slots_bytes: 0,
            cached: 0,
            evictions: 0,
            hand: None,
            dirty: BTreeSet::new(),
            dirty_bytes: 0,
            flushing: BTreeSet::new(),
            flushing_bytes: 0,
            unlogged: BTreeSet::new(),
            metadata_changed: false,
            lost: metadata.partial.iter().map(|key| (*key, seen.clone())).collect(),
            partial: metadata.partial,
            digest: metadata.digest,
            recount: metadata.recount.then(Recount::default),
            first_block: None,
            flushing_block: None,
            vectors: metadata.vectors,
            glimpses: if planted!(TokenForgetsAtStart) { Glimpses::default() } else { metadata.glimpses },
            index: Index::default(),
            window,
        }
    }

    pub(super) fn digest(&self) -> PartitionDigest {
        self.digest
    }

    pub(super) fn partial(&self) -> &BTreeSet<Key> {
        &self.partial
    }

    /// Memory taken by records, and by those of them that wait for a checkpoint.
    pub(super) fn bytes(&self) -> (usize, usize) {
        (self.slots_bytes, self.dirty_bytes + self.flushing_bytes)
    }

    /// True if the store holds records that memory does not.
    pub(super) fn is_cold(&self) -> bool {
        self.digest.records > self.cached
    }

    pub(super) fn evictions(&self) -> u64 {
        self.evictions
    }

    /// The state of a record, from memory or from what was just loaded.
    pub(super) fn look_up(&mut self, key: &Key, loaded: Option<&Loaded>) -> Lookup {
        if let Some(slot) = self.slots.get_mut(key) {
            slot.used = true;
            return match slot.state.clone() {
                Some(state) => Lookup::Held(state),
                None => self.absent(key),
            };
        }
        if !self.is_cold() {
            return self.absent(key);
        }
        // What the store said is good unless a newer state has since come and gone.
        match loaded.filter(|loaded| loaded.key == *key && loaded.evictions == self.evictions) {
            Some(Loaded { stored: Stored::Record(state), .. }) => {
                self.insert(*key, Slot { state: Some(state.clone()), pinned: false, used: true });
                Lookup::Held(state.clone())
            }
            Some(Loaded { stored: Stored::Nothing, .. }) => self.absent(key),
            Some(Loaded { stored: Stored::Corrupt, .. }) => {
                self.quarantine(*key);
                Lookup::Quarantined
            }
            None => Lookup::Cold { evictions: self.evictions },
        }
    }

    /// A key that is partial without a record is in quarantine.
    fn absent(&self, key: &Key) -> Lookup {
        if self.partial.contains(key) { Lookup::Quarantined } else { Lookup::Absent }
    }

    /// Replaces a record; `held` is what [`Self::look_up`] gave, `is_partial` tells of the new state.
    pub(super) fn replace(&mut self, key: Key, held: Option<&Bytes>, state: Option<Bytes>, is_partial: bool) {
        if let Some(held) = held {
            self.digest.remove(&key, held);
        }
        if let Some(state) = &state {
            self.digest.add(&key, state);
        }
        if let Some(recount) = &mut self.recount {
            recount.replace(&key, held, state.as_ref());
        }
        // What is lost stays partial until it is restored, whatever was merged meanwhile.
        if (is_partial || self.lost.contains_key(&key)) && state.is_some() {
            self.partial.insert(key);
        } else {
            self.partial.remove(&key);
            self.lost.remove(&key);
        }
        if state.is_none() {
            self.glimpses.forget(&key);
        }
        self.set(key, state);
    }

    /// What who reads a record has seen: of the partition, and of the record ahead of it.
    pub(super) fn seen_with(&mut self, key: &Key, now: impl FnOnce() -> Duration) -> VersionVector {
        let mut seen = self.vectors.seen();
        self.glimpses.extend(key, &mut seen, self.vectors.contiguous(), now);
        seen
    }

    /// A record was merged with a state that is ahead of the partition.
    pub(super) fn glimpsed(&mut self, key: Key, state: (&VersionVector, &VersionVector), now: Duration) {
        self.glimpses.note(key, state, self.vectors.contiguous(), now);
    }

    /// The highest writes that may be in any of the records.
    pub(super) fn seen_in_records(&self, now: Duration) -> VersionVector {
        let mut seen = self.vectors.seen();
        self.glimpses.extend_all(&mut seen, self.vectors.contiguous(), now);
        seen
    }

    /// Records are about to be merged that hold nothing that `seen` does not name.
    pub(super) fn arriving(&mut self, seen: &VersionVector, now: Duration) {
        self.glimpses.arrive(seen, self.vectors.contiguous(), now);
    }

    /// True if a record has all that `wanted` names of it.
    pub(super) fn covers(&self, key: &Key, wanted: &VersionVector, now_ms: u64) -> bool {
        self.vectors.covers(wanted, now_ms)
            || self.glimpses.lacked(key, wanted).is_some_and(|lacked| self.vectors.covers(&lacked, now_ms))
    }

    fn set(&mut self, key: Key, state: Option<Bytes>) {
        let slot = Slot { state, pinned: true, used: true };
        if self.dirty.insert(key) {
            self.dirty_bytes += slot.bytes();
        }
        self.insert(key, slot);
        self.metadata_changed = true;
    }

    /// Notes that the log does not hold all of a record.
    pub(super) fn not_logged(&mut self, key: Key) {
        self.unlogged.insert(key);
    }

    pub(super) fn is_unlogged(&self, key: &Key) -> bool {
        self.unlogged.contains(key)
    }

    /// Notes that a log block holds what the next checkpoint must cover.
    pub(super) fn logged(&mut self, block: u64) {
        self.first_block.get_or_insert(block);
        self.metadata_changed = true;
    }

    /// Notes that the vectors have changed without a record.
    pub(super) fn touch_metadata(&mut self) {
        self.metadata_changed = true;
    }

    fn insert(&mut self, key: Key, slot: Slot) {
        self.slots_bytes += slot.bytes();
        self.cached += u64::from(slot.state.is_some());
        if let Some(before) = self.slots.insert(key, slot) {
            self.forget(&before);
        }
    }

    fn forget(&mut self, slot: &Slot) {
        self.slots_bytes -= slot.bytes();
        self.cached -= u64::from(slot.state.is_some());
    }

    /// Drops one record that can be read again, if one is found soon (clock algorithm).
    /// Says how many bytes that freed.
    pub(super) fn evict(&mut self) -> usize {
        let from = self.hand.map_or(Bound::Unbounded, Bound::Excluded);
        let mut victim = None;
        let mut hand = None;
        for (key, slot) in self.slots.range_mut((from, Bound::Unbounded)).take(EVICTION_STEPS_MAX) {
            hand = Some(*key);
            if !slot.pinned && !std::mem::take(&mut slot.used) {
                victim = Some(*key);
                break;
            }
        }
        self.hand = hand;
        victim.map_or(0, |key| self.drop_slot(&key))
    }

    fn drop_slot(&mut self, key: &Key) -> usize {
        let Some(slot) = self.slots.remove(key) else { return 0 };
        self.forget(&slot);
        self.evictions += 1;
        slot.bytes()
    }

    /// Records in memory after a key, ascending; `None` is one removed that the store may still hold.
    pub(super) fn cached_after(&self, after: Option<Key>) -> impl Iterator<Item = (Key, Option<Bytes>)> + '_ {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.slots.range((from, Bound::Unbounded)).map(|(key, slot)| (*key, slot.state.clone()))
    }
}
