//! Removes records that no node can still serve, and finds those that lay idle (see `idle`).

use std::sync::Arc;

use bytes::Bytes;

use super::error::EngineError;
use super::partition::{Lookup, PartitionState};
use super::{Cell, Core};
use crate::session::{Key, Partition, SessionView};

/// What the sweep makes of a record.
enum Judged {
    Kept,
    /// No node can still serve it, unless one knows of a later use.
    Idle,
    /// No node can still serve it.
    Over,
}

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
            for (key, state) in &page {
                match self.judged(state, now_ms) {
                    Judged::Over => self.remove(cell, *key).await?,
                    Judged::Idle => self.idle.push(*key),
                    Judged::Kept => {}
                }
            }
            match page.last().filter(|_| page.len() == PAGE_ITEMS) {
                Some((key, _)) => after = Some(*key),
                None => return Ok(()),
            }
        }
    }

    fn judged(&self, state: &Bytes, now_ms: u64) -> Judged {
        let Ok(view) = SessionView::open(state, &self.decode) else { return Judged::Kept };
        let is_revoked_and_swept = planted!(RevokedIsSweptAtOnce) && view.revocation().is_some();
        if self.is_past(view.absolute_deadline_ms(), now_ms) || is_revoked_and_swept {
            Judged::Over
        } else if view.is_complete() && !view.has_ended() && self.is_past(view.expires_at_ms(), now_ms) {
            Judged::Idle
        } else {
            Judged::Kept
        }
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
                        // Of one that has lapsed the state before that says more.
                        let before = self.finals.get(&key).unwrap_or(held);
                        self.finals.remember(key, before, Some(expired_ms));
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
