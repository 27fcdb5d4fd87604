//! How much is kept, and for how long.

use crate::config::{ConfigError, check};

const AGE_MS_MAX: u32 = 60_000;
const ENTRIES_MAX: usize = 1 << 20;

/// A cache of reads in the client, off by default: see
/// [`ClientConfig::read_cache`](crate::ClientConfig::read_cache).
///
/// A `get` from one replica is answered from what this client read at most
/// `age_max_ms` ago, without asking a node. So **what others write, a logout above
/// all, is seen up to `age_max_ms` later** than without it: a session that was ended
/// elsewhere is served for so long, unless [`Client::follow_cache`](crate::Client::follow_cache)
/// tells earlier. What this client itself writes is never hidden:
/// a change or a touch drops the entry, a revocation drops it at once, before it
/// is even sent. An id that a rotation elsewhere replaced, or whose grace is over, is served
/// for so long, too. A write whose outcome this client did not learn counts as one of others.
///
/// The cache does not know of a policy's `read_consistency`: a read that asks for no level
/// is one from one replica here.
///
/// Never served from the cache: a session beyond its expiry (by this machine's
/// clock), a read at a higher consistency level, a batch, and a read with a causal
/// token, unless it is the token that the entry was read with or that came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadCacheConfig {
    /// How old a read may be, counted from when it was sent, in milliseconds; 1 to 60 000.
    pub age_max_ms: u32,
    /// How many sessions are kept, 1 to 1 048 576; the oldest go first. Default 10 000.
    pub entries_max: usize,
    /// How much is kept, in bytes of content and 512 for each session; the oldest
    /// go first, and a larger session is not kept. Default 16 MiB.
    pub bytes_max: usize,
}

impl ReadCacheConfig {
    /// Defaults for everything but the age, in milliseconds.
    #[must_use]
    pub fn new(age_max_ms: u32) -> Self {
        Self { age_max_ms, entries_max: 10_000, bytes_max: 16 << 20 }
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let age_ok = (1..=AGE_MS_MAX).contains(&self.age_max_ms);
        check("read_cache.age_max_ms", age_ok, "must be 1 to 60000")?;
        let entries_ok = (1..=ENTRIES_MAX).contains(&self.entries_max);
        check("read_cache.entries_max", entries_ok, "must be 1 to 1048576")?;
        check("read_cache.bytes_max", self.bytes_max > 0, "must be at least 1")
    }
}
