//! PURE. What records hold ahead of the entries that made it.
//!
//! A quorum read, the completion of a partial record or a transfer brings records as a
//! peer holds them, with entries in them that the partition's vector does not name yet. Who reads
//! such a record here has seen them, so a causal token given with it must name them, or the next
//! region would go back behind it. It is kept with the records, through a restart too.

mod glimpse;

use std::collections::BTreeMap;
use std::time::Duration;

use crdts::CvRDT;

use super::wire::{Malformed, Reader, put_number, put_vector};
use crate::session::epoch::covers;
use crate::session::{Key, VersionVector};
use glimpse::{GivenUp, Glimpse};

/// Records of a partition; the oldest is forgotten first.
const RECORDS_MAX: usize = 1_024;

/// How long entries are waited for, from when they were first glimpsed or from the start. Those that
/// were lost with their writer never come, and tokens that name them would wait for ever.
const KEPT: Duration = Duration::from_secs(600);

/// What is ahead of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Glimpses {
    records: BTreeMap<Key, Glimpse>,
    /// What may be in any record, since some came in a transfer that has not ended.
    arriving: Option<Glimpse>,
    given_up: GivenUp,
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
        self.expire(&key, held, now);
        let ahead = self.given_up.may_come(seen, held);
        if ahead.dots.is_empty() {
            return;
        }
        if !self.records.contains_key(&key) {
            self.make_room(held, now);
        }
        self.records.entry(key).or_default().extend(whole, &ahead, held, now);
    }

    /// Records are about to be merged that hold nothing that `seen` does not name.
    pub(super) fn arrive(&mut self, seen: &VersionVector, held: &VersionVector, now: Duration) {
        self.expire_arriving(held, now);
        let ahead = self.given_up.may_come(seen, held);
        if !ahead.dots.is_empty() {
            self.arriving.get_or_insert_default().extend(&VersionVector::new(), &ahead, held, now);
        }
    }

    fn make_room(&mut self, held: &VersionVector, now: Duration) {
        if self.records.len() < RECORDS_MAX {
            return;
        }
        self.expire_all(held, now);
        if self.records.len() >= RECORDS_MAX {
            let oldest = self.records.iter().min_by_key(|(_, glimpse)| glimpse.until()).map(|(key, _)| *key);
            oldest.and_then(|oldest| self.records.remove(&oldest));
        }
    }

    /// Drops what has come, and what was waited for for too long.
    fn expire_all(&mut self, held: &VersionVector, now: Duration) {
        self.expire_arriving(held, now);
        self.records.retain(|_, glimpse| glimpse.expire(held, now, &mut self.given_up));
    }

    fn expire_arriving(&mut self, held: &VersionVector, now: Duration) {
        self.arriving.take_if(|glimpse| !glimpse.expire(held, now, &mut self.given_up));
    }

    /// As [`Self::expire_all`], for one record.
    fn expire(&mut self, key: &Key, held: &VersionVector, now: Duration) {
        self.expire_arriving(held, now);
        let glimpse = self.records.get_mut(key);
        if glimpse.is_some_and(|glimpse| !glimpse.expire(held, now, &mut self.given_up)) {
            self.records.remove(key);
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
        if self.arriving.is_none() && !self.records.contains_key(key) {
            return;
        }
        let now = now();
        self.expire(key, held, now);
        let ahead = self.arriving.iter().chain(self.records.get(key));
        ahead.for_each(|glimpse| seen.merge(glimpse.ahead(held, now)));
    }

    /// As [`Self::extend`], for all records.
    pub(super) fn extend_all(&self, seen: &mut VersionVector, held: &VersionVector, now: Duration) {
        let ahead = self.arriving.iter().chain(self.records.values());
        ahead.for_each(|glimpse| seen.merge(glimpse.ahead(held, now)));
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

    /// The disk has lost the record: who read it has still seen what was in it.
    pub(super) fn lose(&mut self, key: &Key) {
        if let Some(glimpse) = self.records.get_mut(key) {
            glimpse.whole = VersionVector::new();
        }
    }

    /// After a start: what was kept is waited for anew.
    pub(super) fn wait_anew(&mut self, now: Duration) {
        self.arriving.iter_mut().chain(self.records.values_mut()).for_each(|glimpse| glimpse.wait_anew(now));
    }

    /// What is still waited for: 1 and what is arriving or 0, number of records, then the key and
    /// the two vectors of each.
    pub(super) fn encode(&self, held: &VersionVector, now: Duration, out: &mut Vec<u8>) {
        let ahead = |glimpse: &Glimpse| Some(glimpse.ahead(held, now)).filter(|ahead| !ahead.dots.is_empty());
        let arriving = self.arriving.as_ref().and_then(ahead);
        out.push(u8::from(arriving.is_some()));
        arriving.iter().for_each(|seen| put_vector(out, seen));
        let records = self.records.iter().filter_map(|(key, glimpse)| Some((key, glimpse, ahead(glimpse)?)));
        let records: Vec<_> = records.collect();
        put_number(out, records.len() as u64);
        for (key, glimpse, seen) in records {
            out.extend_from_slice(&key.0);
            put_vector(out, &glimpse.whole);
            put_vector(out, &seen);
        }
    }

    /// What [`Self::encode`] wrote.
    ///
    /// # Errors
    /// It did not write these bytes.
    pub(super) fn decode(reader: &mut Reader) -> Result<Self, Malformed> {
        let mut glimpses = Self::default();
        if reader.byte()? != 0 {
            glimpses.arriving = Some(Glimpse::kept(VersionVector::new(), reader.vector()?));
        }
        for _ in 0..reader.number()? {
            let key = reader.key()?;
            let (whole, seen) = (reader.vector()?, reader.vector()?);
            glimpses.records.insert(key, Glimpse::kept(whole, seen));
        }
        Ok(glimpses)
    }
}

/// What of a vector `held` does not name.
fn beyond(vector: &VersionVector, held: &VersionVector) -> VersionVector {
    let beyond = vector.dots.iter().filter(|(origin, seq)| held.get(origin) < **seq);
    VersionVector { dots: beyond.map(|(origin, seq)| (*origin, *seq)).collect() }
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
        glimpses.note(key(2_000), (&late, &late), &held, Duration::from_secs(3));
        assert_eq!(glimpses.records.len(), RECORDS_MAX, "what is noted already needs no room");
        glimpses.note(key(1), (&early, &early), &early, Duration::from_secs(3));
        glimpses.note(key(2_001), (&vector(&[(2, 1)]), &vector(&[(2, 1)])), &late, Duration::from_secs(3));
        assert_eq!(glimpses.records.len(), 1, "all others have come");
    }

    #[test]
    fn what_is_ahead_is_kept_and_what_has_come_is_not() {
        let (mut glimpses, held) = (Glimpses::default(), vector(&[(1, 2)]));
        let (early, late) = (vector(&[(1, 2), (2, 3)]), vector(&[(1, 2), (2, 9)]));
        glimpses.note(key(1), (&early, &late), &held, Duration::ZERO);
        glimpses.note(key(2), (&early, &early), &held, Duration::ZERO);
        glimpses.arrive(&vector(&[(3, 1)]), &held, Duration::ZERO);
        let kept = |held: &VersionVector, now: Duration| {
            let mut bytes = Vec::new();
            glimpses.encode(held, now, &mut bytes);
            let mut reader = Reader::new(bytes.into());
            let mut kept = Glimpses::decode(&mut reader).unwrap();
            assert!(reader.is_empty());
            kept.wait_anew(Duration::ZERO);
            kept
        };
        assert_eq!(kept(&held, Duration::ZERO), glimpses);
        assert_eq!(kept(&held, KEPT), Glimpses::default(), "a start does not wait for it again");
        let held = vector(&[(1, 2), (2, 3), (3, 1)]);
        let mut kept = kept(&held, Duration::ZERO);
        assert_eq!((kept.records.len(), kept.arriving.is_some()), (1, false));
        assert_eq!(seen(&mut kept, &held, KEPT / 2), vector(&[(1, 2), (2, 9), (3, 1)]));
        kept.lose(&key(1));
        assert_eq!(kept.lacked(&key(1), &late), Some(late), "the disk has lost it");
    }

    #[test]
    fn what_arrives_may_be_in_any_record() {
        let (mut glimpses, held) = (Glimpses::default(), vector(&[(1, 2)]));
        glimpses.arrive(&vector(&[(1, 4)]), &held, Duration::ZERO);
        glimpses.arrive(&vector(&[(1, 3), (2, 1)]), &held, Duration::ZERO);
        let all = vector(&[(1, 4), (2, 1)]);
        assert_eq!(seen(&mut glimpses, &held, KEPT / 2), all);
        assert_eq!(glimpses.lacked(&key(1), &all), None, "who knows which of them it has");
        let mut all_seen = held.clone();
        glimpses.extend_all(&mut all_seen, &held, KEPT / 2);
        assert_eq!(all_seen, all);
        assert_eq!((seen(&mut glimpses, &held, KEPT), glimpses.arriving), (held, None), "or for ever");
    }

    #[test]
    fn what_is_noted_again_and_again_is_not_waited_for_for_ever() {
        let held = vector(&[]);
        let lost = vector(&[(1, 4)]);
        for is_transfer in [false, true] {
            let mut glimpses = Glimpses::default();
            let tell = |glimpses: &mut Glimpses, also: u64, now: Duration| {
                let all = vector(&[(1, 4), (2, also)]);
                match is_transfer {
                    true => glimpses.arrive(&all, &held, now),
                    false => glimpses.note(key(1), (&all, &all), &held, now),
                }
                seen(glimpses, &held, now)
            };
            assert_eq!(tell(&mut glimpses, 1, Duration::ZERO), vector(&[(1, 4), (2, 1)]));
            assert_eq!(tell(&mut glimpses, 2, KEPT / 2), vector(&[(1, 4), (2, 2)]));
            for now in [KEPT, KEPT + KEPT / 4] {
                assert_eq!(tell(&mut glimpses, 2, now), vector(&[(2, 2)]), "the other was lost");
            }
            assert_eq!(tell(&mut glimpses, 3, KEPT * 9), vector(&[(2, 3)]), "its origin goes on");
            glimpses.note(key(2), (&lost, &lost), &held, KEPT);
            assert!(!glimpses.records.contains_key(&key(2)), "nor for another record");
        }
    }

    #[test]
    fn what_was_given_up_is_waited_for_again_once_more_of_its_origin_comes() {
        let mut glimpses = Glimpses::default();
        let all = vector(&[(1, 4)]);
        glimpses.note(key(1), (&all, &all), &vector(&[]), Duration::ZERO);
        assert_eq!(seen(&mut glimpses, &vector(&[]), KEPT), vector(&[]));
        let held = vector(&[(1, 1)]);
        glimpses.note(key(1), (&all, &all), &held, KEPT);
        assert_eq!(seen(&mut glimpses, &held, KEPT), all);
        let later = vector(&[(1, 5)]);
        glimpses.note(key(1), (&later, &later), &held, KEPT + KEPT / 2);
        assert_eq!(seen(&mut glimpses, &held, KEPT * 2), later);
    }
}
