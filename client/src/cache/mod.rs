//! What was read a moment ago, for an application that would rather be a little late.

mod config;
mod entries;
mod follow;
mod key;
mod told;

pub use config::ReadCacheConfig;
pub use follow::CacheFollow;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::model::Read;
use crate::runtime;
use entries::{Entries, Entry};
pub(crate) use key::Key;
use told::Told;

/// What stands for a session in the change feed.
type FeedKey = [u8; 16];

/// Sessions are told apart in so many ways when a write meets a read.
const STRIPES: usize = 256;

/// Reads of one client, until they are too old.
pub(crate) struct ReadCache {
    config: ReadCacheConfig,
    kept: Mutex<Kept>,
}

struct Kept {
    entries: Entries,
    /// Beginnings and ends of writes through this client, by [`Key::stripe`].
    writes: [u64; STRIPES],
    /// What the change feed told last.
    told: Told,
}

/// A read that is under way.
pub(crate) struct Ticket {
    key: Key,
    sent: Instant,
    sent_wall_ms: u64,
    /// The stripe's writes before the read. A read that met a write may be from before it.
    writes: u64,
    /// How much the change feed had told before the read.
    told: u64,
}

impl ReadCache {
    pub(crate) fn new(config: ReadCacheConfig) -> Self {
        let entries = Entries::new(config.entries_max, config.bytes_max);
        Self { config, kept: Mutex::new(Kept { entries, writes: [0; STRIPES], told: Told::default() }) }
    }

    /// A read that is not too old and known to have seen what `token` names.
    pub(crate) fn get(&self, key: &Key, token: &[u8]) -> Option<Read> {
        self.kept.lock().entries.get(key, token, runtime::now())
    }

    /// To be called before a read is sent: its age counts from here.
    pub(crate) fn begin(&self, key: Key) -> Ticket {
        let (writes, told) = {
            let kept = self.kept.lock();
            (kept.writes[key.stripe()], kept.told.count())
        };
        Ticket { key, sent: runtime::now(), sent_wall_ms: runtime::wall_ms(), writes, told }
    }

    /// Keeps what a read brought. `shown`: the token that it was made with.
    pub(crate) fn fill(&self, ticket: Ticket, shown: Bytes, read: &Read) {
        let live_ms = read.session.expires_at_ms.saturating_sub(ticket.sent_wall_ms);
        let usable = Duration::from_millis(live_ms.min(self.config.age_max_ms.into()));
        let entry =
            Entry { id: ticket.key.id, read: read.clone(), shown, usable_until: ticket.sent + usable };
        let mut kept = self.kept.lock();
        let is_told_of = kept.told.has_since(ticket.told, &read.session.feed_key);
        if kept.writes[ticket.key.stripe()] == ticket.writes && !is_told_of {
            kept.entries.put(ticket.key.session, entry);
        }
    }

    /// Drops what is known of a session, and what reads under way will bring.
    pub(crate) fn forget(&self, key: &Key) {
        let mut kept = self.kept.lock();
        let writes = &mut kept.writes[key.stripe()];
        *writes = writes.wrapping_add(1);
        kept.entries.remove(&key.session);
    }

    /// The change feed tells that a session is no longer as it was.
    fn tell(&self, feed_key: FeedKey) {
        let mut kept = self.kept.lock();
        kept.told.push(feed_key);
        kept.entries.remove_told(&feed_key);
    }

    /// The change feed tells that a principal was logged out everywhere.
    fn log_out(&self, principal: &str) {
        let mut kept = self.kept.lock();
        kept.forget_reads_under_way();
        kept.entries.remove_of(principal);
    }

    /// While a write is under way, and once it ended in whatever way, what was
    /// read before it is not served.
    pub(crate) fn writing(&self, key: Key) -> Writing<'_> {
        self.forget(&key);
        Writing { cache: self, key }
    }

    /// While sessions of which nobody here knows the ids are being ended, and once that
    /// ended in whatever way, nothing that was read before it is served.
    pub(crate) fn ending(&self) -> Ending<'_> {
        self.forget_all();
        Ending { cache: self }
    }

    fn forget_all(&self) {
        let mut kept = self.kept.lock();
        kept.forget_reads_under_way();
        kept.entries = Entries::new(self.config.entries_max, self.config.bytes_max);
    }
}

impl Kept {
    fn forget_reads_under_way(&mut self) {
        self.writes.iter_mut().for_each(|writes| *writes = writes.wrapping_add(1));
    }
}

/// Sessions of a principal are being ended, while it lives.
pub(crate) struct Ending<'c> {
    cache: &'c ReadCache,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.cache.forget_all();
    }
}

/// A write through this client, while it lives.
pub(crate) struct Writing<'c> {
    cache: &'c ReadCache,
    key: Key,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.cache.forget(&self.key);
    }
}

impl fmt::Debug for ReadCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadCache").field("config", &self.config).finish_non_exhaustive()
    }
}
