//! Records at rest that cannot be read: put aside, and fetched from peers.
//!
//! Every record is checked when it is read from the store, so that what memory
//! holds is sound and no peer is blamed for this node's disk. A corrupt one is
//! removed and its key noted as partial: it is neither served nor created again,
//! until a full state of it is merged or it is over anyway: a peer says so, or has had
//! what was lost and dropped it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::error::EngineError;
use super::partition::{Loaded, Lookup, PartitionState, Stored};
use super::{Cell, Core, Engine};
use crate::session::{Key, Partition, Session, VersionVector};
use crate::store::keys::{RecordKey, StoreKey};
use crate::store::{StoreError, Tree};

/// Records counted in one go.
const PAGE_ITEMS: usize = 256;

impl Engine {
    /// A peer that has all that `vector` names holds nothing of a record. If that is all that this
    /// node's disk has lost with it, and nothing has come since, the record is waited for no
    /// longer: replicas drop only what is over. Says whether it is so.
    ///
    /// # Errors
    /// [`EngineError::Store`] if the disk fails.
    pub async fn forgo(&self, key: Key, vector: &VersionVector) -> Result<bool, EngineError> {
        let core = &self.core;
        let (_, cell) = core.cell_of(&key)?;
        let mut loaded = None;
        loop {
            let look = |partition: &mut PartitionState| {
                let found = partition.look_up(&key, loaded.as_ref());
                let now = core.env.clock.monotonic();
                let is_gone =
                    matches!(found, Lookup::Quarantined) && partition.is_lost_within(&key, vector, now);
                if is_gone && !planted!(GoneIsWaitedFor) {
                    partition.forgo(key);
                }
                (found, is_gone)
            };
            match core.with(cell, look) {
                (Lookup::Cold { evictions }, _) => loaded = Some(core.load(key, evictions).await?),
                (_, is_gone) => return Ok(is_gone),
            }
        }
    }
}

impl Core {
    /// Asks the store for a record.
    pub(super) async fn load(self: &Arc<Self>, key: Key, evictions: u64) -> Result<Loaded, EngineError> {
        let stored = self.on_disk(move |core| core.stored_record(key)).await?;
        Ok(Loaded { key, stored, evictions })
    }

    /// Reads and checks a record. Waits for the disk.
    pub(super) fn stored_record(&self, key: Key) -> Result<Stored, StoreError> {
        let partition = key.partition(self.config.partition_count);
        let place = RecordKey { partition, key }.encode();
        let found = match self.store.get(Tree::Records, &place) {
            Ok(None) => return Ok(Stored::Nothing),
            Ok(Some(state)) => {
                let state = Bytes::from(state);
                Session::decode(&state, &self.decode).map(|_| state).map_err(|error| error.to_string())
            }
            Err(StoreError::Corrupt { detail, .. }) => Err(detail),
            Err(error) => return Err(error),
        };
        Ok(found.map_or_else(|detail| self.corrupt(partition, key, &detail), Stored::Record))
    }

    fn corrupt(&self, partition: Partition, key: Key, detail: &str) -> Stored {
        if planted!(CorruptIsAbsent) {
            return Stored::Nothing;
        }
        self.corrupt.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            partition = partition.0,
            detail,
            "a record of this node's disk is corrupt; it is fetched from peers"
        );
        self.partials.push(key);
        Stored::Corrupt
    }

    /// Counts the digests anew of partitions that lost a record.
    pub(super) async fn recount_digests(self: &Arc<Self>) {
        for (number, cell) in self.cells.iter().enumerate() {
            let partition = Partition(u16::try_from(number).unwrap_or(u16::MAX));
            if let Err(error) = self.recount(partition, cell).await {
                tracing::warn!(%error, partition = partition.0, "the digest cannot be counted anew; tried again later");
            }
        }
    }

    async fn recount(self: &Arc<Self>, partition: Partition, cell: &Cell) -> Result<(), EngineError> {
        loop {
            let after = match cell.state.lock().recount() {
                Some(recount) => recount.upto(),
                None => return Ok(()),
            };
            // Under the lock that the page is true under, or a change in between would count twice.
            self.page(partition, after, PAGE_ITEMS, |state, records, end| {
                state.recounted(after, records, *end);
            })
            .await?;
        }
    }
}
