//! Removes records that no node can still serve.

use std::sync::Arc;

use bytes::Bytes;

use super::error::EngineError;
use super::partition::{Lookup, PartitionState};
use super::{Cell, Core};
use crate::session::{Key, Partition, SessionView};

/// Records looked at in one go.
const PAGE_ITEMS: usize = 256;

impl Core {
    /// Looks at every record of a partition once.
    pub(super) async fn sweep(self: &Arc<Self>, partition: Partition) -> Result<(), EngineError> {
        let Some(cell) = self.cell(partition) else { return Ok(()) };
        let mut after = None;
        loop {
            let page = self.scan(partition, after, PAGE_ITEMS).await?;
            let Some(now_ms) = self.removal_wall_ms() else { return Ok(()) };
            for (key, _) in page.iter().filter(|(_, state)| self.is_removable(state, now_ms)) {
                self.remove(cell, *key).await?;
            }
            match page.last().filter(|_| page.len() == PAGE_ITEMS) {
                Some((key, _)) => after = Some(*key),
                None => return Ok(()),
            }
        }
    }

    fn is_removable(&self, state: &Bytes, now_ms: u64) -> bool {
        SessionView::open(state, &self.decode).is_ok_and(|view| {
            self.is_past(view.absolute_deadline_ms(), now_ms)
                || (planted!(RevokedIsSweptAtOnce) && view.revocation().is_some())
        })
    }

    /// When a session expired, unless it was revoked.
    fn expired_ms(&self, state: &Bytes) -> Option<u64> {
        let view = SessionView::open(state, &self.decode).ok()?;
        view.revocation().is_none().then(|| view.expires_at_ms())
    }

    /// Removes a record. Deadlines never grow, so it does not matter what it became meanwhile.
    async fn remove(self: &Arc<Self>, cell: &Cell, key: Key) -> Result<(), EngineError> {
        self.room().await?;
        let mut loaded = None;
        loop {
            let remove = |partition: &mut PartitionState| match partition.look_up(&key, loaded.as_ref()) {
                Lookup::Cold { evictions } => Some(evictions),
                Lookup::Absent | Lookup::Quarantined => None,
                Lookup::Held(held) => {
                    partition.replace(key, Some(&held), None, false);
                    if let Some(expired_ms) = self.expired_ms(&held) {
                        self.finals.remember(key, held, Some(expired_ms));
                    }
                    None
                }
            };
            match self.with(cell, remove) {
                Some(evictions) => loaded = Some(self.load(key, evictions).await?),
                None => return Ok(()),
            }
        }
    }
}
