//! PURE. Counting a partition's digest anew while it changes.

use bytes::Bytes;

use super::digest::PartitionDigest;
use crate::session::Key;

/// A digest of the records up to a key, as they are now.
///
/// Needed once a record is lost: what it had added to the digest is lost with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Recount {
    upto: Option<Key>,
    digest: PartitionDigest,
}

impl Recount {
    /// Up to where records are counted.
    pub(super) fn upto(&self) -> Option<Key> {
        self.upto
    }

    /// Takes note of a change; what is not yet counted is counted later.
    pub(super) fn replace(&mut self, key: &Key, held: Option<&Bytes>, state: Option<&Bytes>) {
        if self.upto.is_none_or(|upto| *key > upto) {
            return;
        }
        if let Some(held) = held {
            self.digest.remove(key, held);
        }
        if let Some(state) = state {
            self.digest.add(key, state);
        }
    }

    /// Counts the records that follow, which are all up to `end`, or all there are.
    /// Says what the digest is once all are counted.
    pub(super) fn count(&mut self, records: &[(Key, Bytes)], end: Option<Key>) -> Option<PartitionDigest> {
        for (key, state) in records {
            self.digest.add(key, state);
        }
        self.upto = end;
        end.is_none().then_some(self.digest)
    }
}
