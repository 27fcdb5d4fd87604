//! Looking for sessions that have expired.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::api::handler::Handler;
use crate::engine::EngineError;
use crate::feed::{Due, Frontier, due};
use crate::session::{Key, Partition, SessionView};

/// Records read in one go.
const SCAN_ITEMS: usize = 256;

/// Expiries told after one look; what is beyond waits for the next one.
const DUE_MAX: usize = 16_384;

/// What a look at one partition found.
pub(super) struct Found {
    /// What expired since the last look, in order.
    pub(super) due: BTreeSet<Frontier>,
    /// How far the look came.
    pub(super) until: Frontier,
    /// When to look next at the earliest, in milliseconds since the Unix epoch.
    pub(super) next_ms: u64,
}

impl Found {
    fn new(until: Frontier) -> Self {
        Self { due: BTreeSet::new(), until, next_ms: u64::MAX }
    }

    fn add(&mut self, found: Due) {
        match found {
            Due::Now(end) => self.due.insert(end),
            Due::Later { expires_at_ms } => {
                self.next_ms = self.next_ms.min(expires_at_ms);
                return;
            }
            Due::Never => return,
        };
        if self.due.len() > DUE_MAX {
            self.due.pop_last();
            self.until = self.due.last().copied().unwrap_or(self.until);
            self.next_ms = 0;
        }
    }
}

impl Handler {
    /// What has expired by the clock of all nodes; none while that is not known.
    pub(super) fn expired_until(&self) -> Option<Frontier> {
        let now_ms = self.engine.trusted_wall_ms().ok()?;
        Some(Frontier::end_of(now_ms.saturating_sub(self.engine.config().clock_offset_max_ms)))
    }

    /// Looks at all records of a namespace in a partition, or at that of one key.
    pub(super) async fn look_for_expired(
        &self,
        partition: Partition,
        namespace: &str,
        key: Option<Key>,
        told: Frontier,
        until: Frontier,
    ) -> Result<Found, EngineError> {
        let mut found = Found::new(until);
        let mut judge = |key: Key, state: &Bytes| {
            let view = SessionView::open(state, &self.decode_limits).ok();
            if let Some(view) = view.filter(|view| view.namespace() == namespace) {
                found.add(due(key, &view, told, until));
            }
        };
        match key {
            Some(key) => {
                if let Some(record) = self.engine.read(key).await? {
                    judge(key, &record.state);
                }
            }
            None => self.each_record(partition, &mut judge).await?,
        }
        // After the records, so that none is removed from there unseen.
        for (removed, _) in self.engine.removed(partition) {
            let state = self.engine.final_state(&removed).filter(|_| key.is_none_or(|key| key == removed));
            if let Some(state) = state {
                judge(removed, &state);
            }
        }
        Ok(found)
    }

    async fn each_record(
        &self,
        partition: Partition,
        judge: &mut (impl FnMut(Key, &Bytes) + Send),
    ) -> Result<(), EngineError> {
        let mut after = None;
        loop {
            let page = self.engine.scan(partition, after, SCAN_ITEMS).await?;
            page.iter().for_each(|(key, state)| judge(*key, state));
            match page.last().filter(|_| page.len() == SCAN_ITEMS) {
                Some((last, _)) => after = Some(*last),
                None => return Ok(()),
            }
        }
    }
}
