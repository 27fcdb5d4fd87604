//! PURE. A record that the disk lost, and the digest that has lost it.

use std::time::Duration;

use bytes::Bytes;
use crdts::CvRDT;

use super::PartitionState;
use crate::engine::recount::Recount;
use crate::session::epoch::covers;
use crate::session::{Key, VersionVector};

impl PartitionState {
    /// Removes a cold record that cannot be read, and with it the trust in the digest.
    pub(super) fn quarantine(&mut self, key: Key) {
        self.digest.records = self.digest.records.saturating_sub(1);
        self.recount = Some(Recount::default());
        self.partial.insert(key);
        self.lost.insert(key, self.vectors.seen());
        self.glimpses.lose(&key);
        self.set(key, None);
    }

    /// Takes note that what `vector` names of a record was not sent with the rest.
    pub(in crate::engine) fn lose(&mut self, key: Key, vector: &VersionVector) {
        let seen = self.vectors.seen();
        self.lost.entry(key).or_insert(seen).merge(vector.clone());
        self.partial.insert(key);
        self.touch_metadata();
    }

    /// A whole state was merged and changed nothing: the record is whole, unless it is lost.
    pub(in crate::engine) fn settle(&mut self, key: &Key) {
        if !self.lost.contains_key(key) && self.partial.remove(key) {
            self.touch_metadata();
        }
    }

    /// Whether a state that holds all that `covered` names may take the place of the
    /// record. One that was lost must come from who holds all that was lost with it:
    /// nobody would send again what this node's vectors name.
    pub(in crate::engine) fn may_restore(
        &mut self,
        key: &Key,
        covered: Option<&VersionVector>,
        now: Duration,
    ) -> bool {
        if !self.lost.contains_key(key) {
            return true;
        }
        if !covered.is_some_and(|covered| self.is_lost_within(key, covered, now)) {
            return false;
        }
        self.lost.remove(key);
        true
    }

    /// True if `vector` names all that was lost with a record, also what the record held ahead of
    /// its entries while these are waited for: it may have been its end.
    pub(in crate::engine) fn is_lost_within(
        &mut self,
        key: &Key,
        vector: &VersionVector,
        now: Duration,
    ) -> bool {
        let Some(mut lost) = self.lost.get(key).cloned() else { return false };
        self.glimpses.extend(key, &mut lost, self.vectors.contiguous(), || now);
        covers(vector, &lost)
    }

    /// Waits no longer for a record that was lost: it is over, so no peer gives it in full.
    pub(in crate::engine) fn forgo(&mut self, key: Key) {
        if self.partial.contains(&key) && !planted!(OverIsWaitedFor) {
            self.replace(key, None, None, false);
        }
    }

    /// How far the digest has been counted anew, if it must be.
    pub(in crate::engine) fn recount(&self) -> Option<&Recount> {
        self.recount.as_ref()
    }

    /// Counts records that follow `after`, unless the count has begun anew meanwhile.
    pub(in crate::engine) fn recounted(
        &mut self,
        after: Option<Key>,
        records: &[(Key, Bytes)],
        end: Option<Key>,
    ) {
        let Some(recount) = self.recount.as_mut().filter(|recount| recount.upto() == after) else { return };
        if let Some(digest) = recount.count(records, end) {
            // The number never went wrong, and a record not yet known to be lost still counts.
            self.digest.digest = digest.digest;
            self.recount = None;
            self.metadata_changed = true;
        }
    }
}
