//! Reading the log back after a restart.

use std::collections::BTreeMap;

use super::error::EngineError;
use super::join::Joined;
use super::log::{LogEntry, decode_block, read_block};
use super::partition::{Loaded, Lookup, PartitionState};
use super::wire::Malformed;
use super::{Cell, Core, salvage};
use crate::session::Session;
use crate::store::keys::{BlockKey, StoreKey};
use crate::store::{Batch, Store, StoreError, Tree};

/// Blocks read in one go.
const PAGE_BLOCKS: usize = 32;

/// What the store holds of the log.
pub(super) struct Recovered {
    /// Readable blocks with their size.
    pub(super) blocks: BTreeMap<u64, u64>,
    /// The number of the next block.
    pub(super) next: u64,
    /// The highest stamp known before.
    pub(super) hlc: u64,
}

impl Recovered {
    /// Looks at every block. One that cannot be read is dropped: a torn last one
    /// was never acknowledged, and what else is lost is sent again by peers.
    pub(super) fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let mut recovered = Self { blocks: BTreeMap::new(), next: 1, hlc: 0 };
        let mut broken = Batch::default();
        loop {
            let range = BlockKey::range(recovered.next, u64::MAX);
            let range = (&*range.from, &*range.to);
            let page = salvage::scan(store, Tree::Log, range, BlockKey::BYTES, PAGE_BLOCKS)?;
            let is_last = page.len() < PAGE_BLOCKS;
            for (place, bytes) in page {
                let BlockKey(number) = BlockKey::decode(&place)?;
                let size = bytes.as_ref().map_or(0, Vec::len) as u64;
                let sealed = || StoreError::Corrupt {
                    place: format!("log block {number}"),
                    detail: "unreadable".into(),
                };
                match bytes.ok_or_else(sealed).and_then(|bytes| decode_block(number, bytes)) {
                    Ok(block) => {
                        recovered.hlc = recovered.hlc.max(block.hlc);
                        recovered.blocks.insert(number, size);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a log block is dropped; peers hold what was in it");
                        broken.remove(Tree::Log, place);
                    }
                }
                recovered.next = number + 1;
            }
            if is_last {
                break;
            }
        }
        if !broken.changes.is_empty() {
            store.apply(broken)?;
        }
        Ok(recovered)
    }
}

impl Core {
    /// Brings the partitions from their checkpoint to the end of the log.
    pub(super) fn replay(&self, blocks: impl Iterator<Item = u64>) -> Result<(), EngineError> {
        for number in blocks {
            let Some(block) = read_block(&*self.store, number)? else { continue };
            for entry in &block.entries {
                let (_, cell) = self.cell_of(&entry.key)?;
                self.replay_entry(cell, entry, number)?;
            }
        }
        Ok(())
    }

    fn replay_entry(&self, cell: &Cell, entry: &LogEntry, block: u64) -> Result<(), EngineError> {
        self.with(cell, |state| {
            state.index.add(entry.dot(), block);
            // The vectors are as old as the records: what they name is in there.
            if state.vectors.contains(entry.dot()) {
                return Ok(());
            }
            state.vectors.add(entry.dot());
            state.logged(block);
            let fragment = Session::decode(&entry.fragment, &self.decode).map_err(|error| {
                StoreError::Corrupt { place: format!("log block {block}"), detail: error.to_string() }
            })?;
            if planted!(ReplayDropsRevocations) && fragment.body().is_none() {
                return Ok(());
            }
            let held = self.held_now(state, entry)?;
            match self.join(held, fragment) {
                Ok(Joined::New(change)) => {
                    let is_partial = change.is_partial;
                    state.replace(entry.key, change.held.as_ref(), Some(change.state), is_partial);
                    Ok(())
                }
                Ok(Joined::Same | Joined::Late | Joined::Cold { .. }) => Ok(()),
                Err(error) => Err(EngineError::Store(StoreError::Corrupt {
                    place: "a session record".into(),
                    detail: error.to_string(),
                })),
            }
        })
    }

    fn held_now(
        &self,
        state: &mut PartitionState,
        entry: &LogEntry,
    ) -> Result<Option<bytes::Bytes>, StoreError> {
        let mut loaded = None;
        loop {
            match state.look_up(&entry.key, loaded.as_ref()) {
                Lookup::Held(held) => return Ok(Some(held)),
                Lookup::Absent | Lookup::Quarantined => return Ok(None),
                Lookup::Cold { evictions } => {
                    let stored = self.stored_record(entry.key)?;
                    loaded = Some(Loaded { key: entry.key, stored, evictions });
                }
            }
        }
    }
}

pub(super) fn malformed(what: &str, number: u64, error: Malformed) -> StoreError {
    StoreError::Corrupt { place: format!("{what} {number}"), detail: error.to_string() }
}
