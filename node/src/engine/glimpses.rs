//! PURE. Full states of records that have come ahead of the entries that made them.
//!
//! A quorum read, or the completion of a partial record, brings the state of one record as a
//! peer holds it, with entries in it that the partition's vector does not name yet. Who reads
//! the record here has seen them, so a causal token given with it must name them, or the next
//! region would go back behind it. They are kept in memory only: what a restart forgets is
//! a token that names too little, until the entries have come.

use std::collections::BTreeMap;
use std::time::Duration;

use crdts::CvRDT;

use crate::session::epoch::covers;
use crate::session::{Key, VersionVector};

/// Records of a partition; the oldest is forgotten first.
const RECORDS_MAX: usize = 1_024;

/// How long entries are waited for. Those that were lost with their writer never come, and
/// tokens that name them would wait for ever.
const KEPT: Duration = Duration::from_secs(600);

/// Records that are ahead of their partition.
#[derive(Debug, Clone, Default)]
pub(super) struct Glimpses {
    records: BTreeMap<Key, Glimpse>,
}

#[derive(Debug, Clone)]
struct Glimpse {
    whole: VersionVector,
    seen: VersionVector,
    until: Duration,
}

impl Glimpses {
    /// A state was merged that holds all that `whole` names of its record, and nothing that
    /// `seen` does not name. `held` is the partition's vector.
    pub(super) fn note(
        &mut self,
        key: Key,
        (whole, seen): (&VersionVector, &VersionVector),
        held: &VersionVector,
        now: Duration,
    ) {
        if covers(held, seen) {
            return;
        }
        self.make_room(held, now);
        let none = || Glimpse { whole: VersionVector::new(), seen: VersionVector::new(), until: now };
        let glimpse = self.records.entry(key).or_insert_with(none);
        glimpse.whole.merge(whole.clone());
        glimpse.seen.merge(seen.clone());
        glimpse.until = now + KEPT;
    }

    fn make_room(&mut self, held: &VersionVector, now: Duration) {
        if self.records.len() < RECORDS_MAX {
            return;
        }
        self.records.retain(|_, glimpse| glimpse.is_ahead(held, now));
        if self.records.len() >= RECORDS_MAX {
            let oldest = self.records.iter().min_by_key(|(_, glimpse)| glimpse.until).map(|(key, _)| *key);
            oldest.and_then(|oldest| self.records.remove(&oldest));
        }
    }

    /// Adds to what the partition has seen what is in a record beyond it.
    pub(super) fn extend(
        &mut self,
        key: &Key,
        seen: &mut VersionVector,
        held: &VersionVector,
        now: impl FnOnce() -> Duration,
    ) {
        let Some(glimpse) = self.records.get(key) else { return };
        if glimpse.is_ahead(held, now()) {
            seen.merge(glimpse.seen.clone());
        } else {
            self.records.remove(key);
        }
    }

    /// What of `wanted` a record may still lack, if the partition lacks it.
    pub(super) fn lacked(&self, key: &Key, wanted: &VersionVector) -> Option<VersionVector> {
        let glimpse = self.records.get(key)?;
        let lacked = wanted.dots.iter().filter(|(origin, seq)| glimpse.whole.get(origin) < **seq);
        Some(VersionVector { dots: lacked.map(|(origin, seq)| (*origin, *seq)).collect() })
    }

    /// The record is gone.
    pub(super) fn forget(&mut self, key: &Key) {
        self.records.remove(key);
    }
}

impl Glimpse {
    fn is_ahead(&self, held: &VersionVector, now: Duration) -> bool {
        now < self.until && !covers(held, &self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Origin, ReplicaId};

    fn vector(dots: &[(u16, u64)]) -> VersionVector {
        let origin = |replica| Origin { replica: ReplicaId(replica), incarnation: 1 };
        VersionVector { dots: dots.iter().map(|(replica, seq)| (origin(*replica), *seq)).collect() }
    }

    fn key(number: u16) -> Key {
        let mut key = [0; 16];
        key[..2].copy_from_slice(&number.to_be_bytes());
        Key(key)
    }

    fn seen(glimpses: &mut Glimpses, held: &VersionVector, now: Duration) -> VersionVector {
        let mut seen = held.clone();
        glimpses.extend(&key(1), &mut seen, held, || now);
        seen
    }

    #[test]
    fn a_record_is_ahead_until_its_entries_have_come() {
        let mut glimpses = Glimpses::default();
        let (whole, all) = (vector(&[(1, 4)]), vector(&[(1, 4), (2, 9)]));
        glimpses.note(key(1), (&whole, &all), &vector(&[(1, 2)]), Duration::ZERO);
        assert_eq!(
            seen(&mut glimpses, &vector(&[(1, 3), (3, 1)]), KEPT / 2),
            vector(&[(1, 4), (2, 9), (3, 1)])
        );
        assert_eq!(glimpses.lacked(&key(1), &all), Some(vector(&[(2, 9)])), "it may have been read before");
        assert_eq!(glimpses.lacked(&key(1), &whole), Some(vector(&[])));
        assert_eq!(glimpses.lacked(&key(2), &all), None);
        let come = vector(&[(1, 5), (2, 9)]);
        assert_eq!(seen(&mut glimpses, &come, KEPT / 2), come);
        assert_eq!(glimpses.lacked(&key(1), &all), None);
    }

    #[test]
    fn what_never_comes_is_not_waited_for_for_ever() {
        let (mut glimpses, held) = (Glimpses::default(), vector(&[]));
        let all = vector(&[(1, 4)]);
        glimpses.note(key(1), (&all, &all), &held, Duration::ZERO);
        assert_eq!(seen(&mut glimpses, &held, KEPT), held);
    }

    #[test]
    fn the_oldest_is_forgotten_when_there_are_too_many_and_none_that_has_come_counts() {
        let (mut glimpses, held) = (Glimpses::default(), vector(&[]));
        let (early, late) = (vector(&[(1, 1)]), vector(&[(1, 2)]));
        for number in 0..u16::try_from(RECORDS_MAX).unwrap() {
            let now = Duration::from_secs(u64::from(number == 7));
            glimpses.note(key(number), (&late, &late), &held, now);
        }
        glimpses.note(key(2_000), (&late, &late), &held, Duration::from_secs(2));
        assert_eq!(glimpses.records.len(), RECORDS_MAX);
        assert!(glimpses.lacked(&key(0), &late).is_none() && glimpses.lacked(&key(7), &late).is_some());
        glimpses.note(key(1), (&early, &early), &early, Duration::from_secs(3));
        glimpses.note(key(2_001), (&vector(&[(2, 1)]), &vector(&[(2, 1)])), &late, Duration::from_secs(3));
        assert_eq!(glimpses.records.len(), 1, "all others have come");
    }
}
