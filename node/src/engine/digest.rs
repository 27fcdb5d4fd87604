//! PURE. The incremental digest of a partition.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::session::Key;

/// What tells two replicas of a partition apart: equal records give equal
/// digests, in whatever order they came about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartitionDigest {
    /// The sum, modulo 2^128, of a hash (XXH3, 128 bits) of each key and encoded state.
    pub digest: u128,
    /// How many records there are.
    pub records: u64,
}

impl PartitionDigest {
    /// Adds a record that was not there.
    pub(super) fn add(&mut self, key: &Key, state: &[u8]) {
        self.digest = self.digest.wrapping_add(hash(key, state));
        self.records = self.records.saturating_add(1);
    }

    /// Takes a record away that was there, in exactly this state.
    pub(super) fn remove(&mut self, key: &Key, state: &[u8]) {
        self.digest = self.digest.wrapping_sub(hash(key, state));
        self.records = self.records.saturating_sub(1);
    }

    /// The digest of some records, from nothing.
    pub fn of<'a>(records: impl IntoIterator<Item = (&'a Key, &'a [u8])>) -> Self {
        let mut digest = Self::default();
        for (key, state) in records {
            digest.add(key, state);
        }
        digest
    }
}

fn hash(key: &Key, state: &[u8]) -> u128 {
    xxh3_128_with_seed(state, xxh3_64(&key.0))
}
