//! Reading: records, ranges of them, the log, and waiting for a causal token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::error::{EngineError, NotYet, Truncated};
use super::log::{Block, LogEntry, Run, read_block};
use super::partition::{Loaded, Lookup, PartitionState, Stored};
use super::step::StepError;
use super::{Core, Engine, no_partition, salvage};
use crate::session::{Key, Origin, Partition, VersionVector};
use crate::store::keys::{RecordKey, StoreKey};
use crate::store::{StoreError, Tree};

/// Blocks looked into for one answer.
const BLOCKS_MAX: usize = 64;

/// A record as it is held.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its encoded state, whether live or not: judge it with a `SessionView`.
    pub state: Bytes,
    /// The highest writes that its partition, and it ahead of it, held when it was read: the source
    /// of a causal token.
    pub vector: VersionVector,
}

impl Engine {
    /// Reads one record: a lock and a reference if it is in memory, the store otherwise.
    ///
    /// # Errors
    /// [`StepError::Partial`] if the record was lost by this node's disk and must
    /// be fetched, [`EngineError::Store`] if the record is cold and the disk fails.
    pub async fn read(&self, key: Key) -> Result<Option<Record>, EngineError> {
        let core = &self.core;
        let (_, cell) = core.cell_of(&key)?;
        let mut loaded: Option<Loaded> = None;
        loop {
            let (found, vector) = {
                core.with(cell, |state| (state.look_up(&key, loaded.as_ref()), core.seen_with(state, &key)))
            };
            match found {
                Lookup::Held(state) => {
                    if loaded.is_some() {
                        core.make_room(cell);
                    }
                    return Ok(Some(Record { state, vector }));
                }
                Lookup::Absent => return Ok(None),
                Lookup::Quarantined => return Err(EngineError::Refused(StepError::Partial)),
                Lookup::Cold { evictions } => loaded = Some(core.load(key, evictions).await?),
            }
        }
    }

    /// Reads one record if that needs no disk; `None` leaves it to [`Self::read`].
    #[must_use]
    pub fn read_now(&self, key: Key) -> Option<Option<Record>> {
        let core = &self.core;
        let (_, cell) = core.cell_of(&key).ok()?;
        let look = |state: &mut PartitionState| (state.look_up(&key, None), core.seen_with(state, &key));
        match core.with(cell, look) {
            (Lookup::Held(state), vector) => Some(Some(Record { state, vector })),
            (Lookup::Absent, _) => Some(None),
            (Lookup::Cold { .. } | Lookup::Quarantined, _) => None,
        }
    }

    /// What a partition holds without holes, by origin.
    #[must_use]
    pub fn vector(&self, partition: Partition) -> VersionVector {
        self.core.cell(partition).map_or_else(VersionVector::new, |cell| {
            cell.state.lock().vectors.told(self.core.env.clock.wall_ms())
        })
    }

    /// The highest number a partition holds of each origin, holes before it or not.
    #[must_use]
    pub fn seen(&self, partition: Partition) -> VersionVector {
        self.core.cell(partition).map_or_else(VersionVector::new, |cell| cell.state.lock().vectors.seen())
    }

    /// The highest numbers that may be in any record of a partition.
    #[must_use]
    pub fn seen_in_records(&self, partition: Partition) -> VersionVector {
        let now = self.core.env.clock.monotonic();
        self.core
            .cell(partition)
            .map_or_else(VersionVector::new, |cell| cell.state.lock().seen_in_records(now))
    }

    /// Waits until a record's partition, or the record itself, holds at least `wanted`.
    ///
    /// # Errors
    /// [`NotYet`] if it does not within `timeout`.
    pub async fn wait_for(&self, key: &Key, wanted: &VersionVector, timeout: Duration) -> Result<(), NotYet> {
        let (_, cell) = self.core.cell_of(key).map_err(|_| NotYet)?;
        let is_there = || cell.state.lock().covers(key, wanted, self.core.env.clock.wall_ms());
        let wait = async {
            loop {
                let advanced = cell.advanced.notified();
                tokio::pin!(advanced);
                // Registered before the look, so that no advance in between is missed.
                advanced.as_mut().enable();
                if is_there() {
                    return;
                }
                advanced.await;
            }
        };
        if planted!(TokenIsBelieved) {
            cell.state.lock().vectors.join(wanted);
        }
        if is_there() {
            return Ok(());
        }
        tokio::time::timeout(timeout, wait).await.map_err(|_| NotYet)
    }

    /// The entries of one origin after `seq`, ascending and without a hole, except for
    /// what was refused or passed over: about `bytes_max` of them, at least one. Empty
    /// if there is nothing after it.
    ///
    /// # Errors
    /// [`Truncated`] if the next entry is held but no longer in the log.
    pub async fn entries_after(
        &self,
        partition: Partition,
        origin: Origin,
        seq: u64,
        bytes_max: usize,
    ) -> Result<Vec<LogEntry>, Truncated> {
        let truncated = Truncated { partition };
        let core = &self.core;
        let cell = core.cell(partition).ok_or(truncated)?;
        let runs = {
            let state = cell.state.lock();
            let held = state.vectors.contiguous().get(&origin);
            if held <= seq {
                return Ok(Vec::new());
            }
            let next = state.vectors.next_held(origin, seq + 1).filter(|next| *next <= held);
            let after = next.ok_or(truncated)? - 1;
            state.index.after(&origin, after, BLOCKS_MAX)
        };
        let mut entries = Vec::new();
        let mut bytes = 0;
        for run in runs {
            let Some(block) = core.block(run.block).await else { break };
            let Some(found) = core.pick(&block, partition, origin, run) else { break };
            for entry in found {
                bytes += entry.bytes();
                if bytes > bytes_max && !entries.is_empty() {
                    return Ok(entries);
                }
                entries.push(entry);
            }
        }
        if entries.is_empty() { Err(truncated) } else { Ok(entries) }
    }

    /// Records of a partition after a key, ascending by key; fewer than `items_max` only at the end.
    ///
    /// # Errors
    /// [`EngineError::Store`] if the disk fails.
    pub async fn scan(
        &self,
        partition: Partition,
        after: Option<Key>,
        items_max: usize,
    ) -> Result<Vec<(Key, Bytes)>, EngineError> {
        self.core.scan(partition, after, items_max).await
    }
}

/// Records in key order.
type Page = Vec<(Key, Bytes)>;

impl Core {
    pub(super) async fn block(self: &Arc<Self>, number: u64) -> Option<Arc<Block>> {
        if let Some(block) = self.log.in_memory(number) {
            return Some(block);
        }
        match self.on_disk(move |core| read_block(&*core.store, number)).await {
            Ok(block) => block.map(Arc::new),
            Err(error) => {
                tracing::warn!(block = number, %error, "a log block cannot be read");
                None
            }
        }
    }

    /// The entries of a run, if the block has them all.
    fn pick(&self, block: &Block, partition: Partition, origin: Origin, run: Run) -> Option<Vec<LogEntry>> {
        let count = self.config.partition_count;
        let wanted = |entry: &&Arc<LogEntry>| {
            entry.origin == origin
                && (run.first..=run.last).contains(&entry.seq)
                && entry.key.partition(count) == partition
        };
        let found: BTreeMap<u64, &Arc<LogEntry>> =
            block.entries.iter().filter(wanted).map(|entry| (entry.seq, entry)).collect();
        let is_whole = found.len() as u64 == run.last - run.first + 1;
        is_whole.then(|| found.into_values().map(|entry| LogEntry::clone(entry)).collect())
    }

    pub(super) async fn scan(
        self: &Arc<Self>,
        partition: Partition,
        after: Option<Key>,
        items_max: usize,
    ) -> Result<Vec<(Key, Bytes)>, EngineError> {
        let mut records = Vec::new();
        let mut from = after;
        loop {
            let page = self.page(partition, from, items_max, |_, _, _| {});
            let (page, end) = page.await?;
            records.extend(page);
            // A page may be short because records in it were removed.
            let Some(end) = end.filter(|_| records.len() < items_max) else { break };
            from = Some(end);
        }
        records.truncate(items_max);
        Ok(records)
    }

    /// Some records after a key, and up to where that is all of them unless it is the end.
    /// `use_page` sees them while they cannot change.
    pub(super) async fn page(
        self: &Arc<Self>,
        partition: Partition,
        after: Option<Key>,
        items_max: usize,
        use_page: impl Fn(&mut PartitionState, &[(Key, Bytes)], &Option<Key>) + Send,
    ) -> Result<(Vec<(Key, Bytes)>, Option<Key>), EngineError> {
        let cell = self.cell(partition).ok_or_else(|| no_partition(partition))?;
        loop {
            let (is_cold, evictions) = {
                let state = cell.state.lock();
                (state.is_cold(), state.evictions())
            };
            let (stored, corrupt) = if is_cold {
                self.on_disk(move |core| core.stored(partition, after, items_max)).await?
            } else {
                (Vec::new(), Vec::new())
            };
            let end = stored.last().filter(|_| stored.len() >= items_max).map(|(key, _)| *key);
            let mut found: BTreeMap<Key, Option<Bytes>> =
                stored.into_iter().map(|(key, state)| (key, Some(state))).collect();
            let page = self.with(cell, |state| {
                // What was evicted in between may be newer in the store than what was read there.
                if state.evictions() != evictions {
                    return None;
                }
                // Where no peer holds it any more nobody would ask for it, and it would count for ever.
                for key in corrupt {
                    let loaded = Loaded { key, stored: Stored::Corrupt, evictions };
                    state.look_up(&key, Some(&loaded));
                }
                let cached = state.cached_after(after);
                found.extend(cached.take_while(|(key, _)| end.is_none_or(|end| *key <= end)));
                let live: Vec<_> = found.into_iter().filter_map(|(key, state)| Some((key, state?))).collect();
                use_page(state, &live, &end);
                Some(live)
            });
            if let Some(live) = page {
                return Ok((live, end));
            }
        }
    }

    /// The records that follow in the store, and the keys of corrupt ones among them.
    fn stored(
        &self,
        partition: Partition,
        after: Option<Key>,
        items_max: usize,
    ) -> Result<(Page, Vec<Key>), StoreError> {
        let range = RecordKey::range(partition, after);
        let found = salvage::scan(
            &*self.store,
            Tree::Records,
            (&range.from, &range.to),
            RecordKey::BYTES,
            items_max,
        )?;
        let (mut records, mut corrupt) = (Vec::with_capacity(found.len()), Vec::new());
        for (place, state) in found {
            let key = RecordKey::decode(&place)?.key;
            match state {
                Some(state) => records.push((key, Bytes::from(state))),
                // Asking for it alone reports it, and has it fetched.
                None => {
                    if matches!(self.stored_record(key)?, Stored::Corrupt) {
                        corrupt.push(key);
                    }
                }
            }
        }
        Ok((records, corrupt))
    }
}
