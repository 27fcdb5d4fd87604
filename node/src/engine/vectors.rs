//! PURE. What one partition holds of each origin: without holes, and beyond.
//!
//! The contiguous part is the version vector that peers see. Entries that come
//! early wait as ranges until the hole before them is filled, so that delivery
//! may be in any order, with loss and duplicates. A hole that nobody can fill, since
//! its origin has died with what was in it, is passed over once all peers say so.

use std::collections::BTreeMap;

use super::ranges::Ranges;
use super::wire::{Malformed, Reader, put_number, put_origin, put_vector};
use crate::session::epoch::covers;
use crate::session::{Dot, Origin, VersionVector};

/// Ranges out of order that are kept for a partition; more is left to gossip.
const RANGES_MAX: usize = 65_536;

/// Refused dots that are remembered for a partition; the lowest are forgotten first.
const REFUSED_MAX: usize = 1_024;

/// Holes passed over that are remembered for a partition.
const PASSED_OVER_MAX: usize = 1_024;

/// How long peers are told of a hole where an entry was refused, in milliseconds,
/// so that one that holds a sound copy sends it. Then the hole is passed over for
/// peers too: what its origin itself has spoilt must not be asked for again for ever.
const REFUSED_TOLD_MS: u64 = 20_000;

/// What came of adding a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// It was not held before.
    New,
    /// It was held.
    Known,
    /// Too much is out of order already; it is not held.
    Refused,
}

/// The dots that a partition holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Vectors {
    contiguous: VersionVector,
    /// Held beyond a hole.
    early: Ranges,
    /// Counted above, but held by nobody.
    passed_over: Ranges,
    /// Refused: counted above, but not held. With the time of the refusal, in
    /// milliseconds since the Unix epoch; 0 for those of before the start.
    refused: BTreeMap<Dot, u64>,
}

impl Vectors {
    /// Up to where everything is held, by origin.
    pub(super) fn contiguous(&self) -> &VersionVector {
        &self.contiguous
    }

    /// As [`Self::contiguous`], but no further than the holes that peers should fill.
    pub(super) fn told(&self, now_ms: u64) -> VersionVector {
        let mut told = self.contiguous.clone();
        for dot in self.holes(now_ms) {
            if dot.seq <= 1 {
                told.dots.remove(&dot.origin);
            } else if told.get(&dot.origin) >= dot.seq {
                told.dots.insert(dot.origin, dot.seq - 1);
            }
        }
        told
    }

    /// True if all is held that `wanted` names, no hole among it that peers may still fill.
    pub(super) fn covers(&self, wanted: &VersionVector, now_ms: u64) -> bool {
        covers(&self.contiguous, wanted) && self.holes(now_ms).all(|dot| dot.seq > wanted.get(&dot.origin))
    }

    /// What was refused a short while ago and lies within the contiguous part.
    fn holes(&self, now_ms: u64) -> impl Iterator<Item = &Dot> {
        let recent = self.refused.iter().filter(move |(_, since_ms)| now_ms < **since_ms + REFUSED_TOLD_MS);
        recent.map(|(dot, _)| dot).filter(|dot| dot.seq <= self.contiguous.get(&dot.origin))
    }

    /// The highest number held of each origin, holes before it or not: what a reader
    /// of this replica's states may have seen, and so what its causal token must name.
    pub(super) fn seen(&self) -> VersionVector {
        let mut seen = self.contiguous.clone();
        seen.dots.extend(self.early.highest());
        seen
    }

    pub(super) fn contains(&self, dot: Dot) -> bool {
        self.is_counted(dot) && !self.refused.contains_key(&dot) && !self.passed_over.contains(dot)
    }

    fn is_counted(&self, dot: Dot) -> bool {
        dot.seq <= self.contiguous.get(&dot.origin) || self.early.contains(dot)
    }

    /// True if dots are counted that are not held, as far as that is remembered.
    pub(super) fn lacks_some(&self) -> bool {
        !self.refused.is_empty() || self.passed_over.count() > 0
    }

    /// The first number of an origin from this one on that is held.
    pub(super) fn next_held(&self, origin: Origin, mut seq: u64) -> Option<u64> {
        loop {
            if seq > self.contiguous.get(&origin) {
                seq = self.early.next_from(origin, seq)?;
            }
            let dot = Dot { origin, seq };
            seq = match self.passed_over.end_of(dot) {
                Some(last) => last.checked_add(1)?,
                None if self.refused.contains_key(&dot) => seq.checked_add(1)?,
                None => return Some(seq),
            };
        }
    }

    /// For each origin what is missing before the first entry that came early, first to last number.
    pub(super) fn gaps(&self) -> impl Iterator<Item = (Origin, u64, u64)> {
        self.early.lowest().map(|(origin, first, _)| (origin, self.contiguous.get(&origin) + 1, first - 1))
    }

    /// True if [`Self::add`] would not refuse this dot.
    pub(super) fn has_room_for(&self, dot: Dot) -> bool {
        dot.seq > 0
            && (self.early.count() < RANGES_MAX
                || dot.seq <= self.contiguous.get(&dot.origin).saturating_add(1))
    }

    pub(super) fn add(&mut self, dot: Dot) -> Added {
        if self.refused.remove(&dot).is_some() || self.passed_over.remove(dot) {
            return Added::New;
        }
        if self.is_counted(dot) {
            return Added::Known;
        }
        if !self.has_room_for(dot) {
            return Added::Refused;
        }
        if dot.seq == self.contiguous.get(&dot.origin) + 1 || planted!(VectorSkipsHoles) {
            self.contiguous.dots.insert(dot.origin, dot.seq);
        } else {
            self.early.add(dot);
        }
        self.absorb(dot.origin);
        Added::New
    }

    /// Passes over a dot whose entry was refused: it leaves no hole, and is not held.
    pub(super) fn refuse(&mut self, dot: Dot, now_ms: u64) {
        if self.add(dot) == Added::New {
            self.refused.insert(dot, now_ms);
        }
        if self.refused.len() > REFUSED_MAX {
            self.refused.pop_first();
        }
    }

    /// Counts a gap as held: all peers have said that they cannot fill it. Entries of it
    /// that come all the same are taken. False if it is not the origin's gap any more.
    pub(super) fn pass_over(&mut self, gap: (Origin, u64, u64)) -> bool {
        if !self.gaps().any(|open| open == gap) {
            return false;
        }
        let (origin, first, last) = gap;
        self.passed_over.add_range(origin, first, last);
        if self.passed_over.count() > PASSED_OVER_MAX {
            self.passed_over.forget_one();
        }
        self.contiguous.dots.insert(origin, last);
        self.absorb(origin);
        true
    }

    /// Begins anew to tell peers of what was refused: after a start nobody knows for how long they were told.
    pub(super) fn tell_refused_again(&mut self, now_ms: u64) {
        self.refused.values_mut().for_each(|since_ms| *since_ms = now_ms);
    }

    /// Takes over what a peer's full transfer covers.
    pub(super) fn join(&mut self, other: &VersionVector) {
        self.refused.retain(|dot, _| dot.seq > other.get(&dot.origin));
        for (origin, seq) in &other.dots {
            self.passed_over.forget_up_to(*origin, *seq);
            if *seq > self.contiguous.get(origin) {
                self.contiguous.dots.insert(*origin, *seq);
                self.absorb(*origin);
            }
        }
    }

    /// Moves ranges that the contiguous part has reached into it.
    fn absorb(&mut self, origin: Origin) {
        let reached = self.contiguous.get(&origin);
        let held = self.early.absorb(origin, reached);
        if held > reached {
            self.contiguous.dots.insert(origin, held);
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_vector(out, &self.contiguous);
        self.early.encode(out);
        self.passed_over.encode(out);
        put_number(out, self.refused.len() as u64);
        for dot in self.refused.keys() {
            put_origin(out, dot.origin);
            put_number(out, dot.seq);
        }
    }

    pub(super) fn decode(reader: &mut Reader) -> Result<Self, Malformed> {
        let mut vectors = Self { contiguous: reader.vector()?, ..Self::default() };
        (vectors.early, vectors.passed_over) = (Ranges::decode(reader)?, Ranges::decode(reader)?);
        for _ in 0..reader.number()? {
            vectors.refused.insert(Dot { origin: reader.origin()?, seq: reader.number()? }, 0);
        }
        Ok(vectors)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::session::ReplicaId;

    fn dot(replica: u16, seq: u64) -> Dot {
        Dot { origin: Origin { replica: ReplicaId(replica), incarnation: 1 }, seq }
    }

    #[test]
    fn holes_hold_the_vector_back_until_they_are_filled() {
        let mut vectors = Vectors::default();
        assert_eq!(vectors.add(dot(1, 1)), Added::New);
        assert_eq!(vectors.add(dot(1, 3)), Added::New);
        assert_eq!(vectors.add(dot(1, 3)), Added::Known);
        assert_eq!(vectors.contiguous().get(&dot(1, 1).origin), 1);
        assert_eq!(vectors.add(dot(1, 2)), Added::New);
        assert_eq!(vectors.contiguous().get(&dot(1, 1).origin), 3);
        assert_eq!(vectors.early.count(), 0);
    }

    #[test]
    fn what_was_seen_beyond_a_hole_is_named() {
        let mut vectors = Vectors::default();
        vectors.add(dot(1, 1));
        vectors.add(dot(1, 5));
        assert_eq!(vectors.contiguous().get(&dot(1, 1).origin), 1);
        assert_eq!(vectors.seen().get(&dot(1, 1).origin), 5);
    }

    #[test]
    fn what_was_refused_leaves_no_hole_and_is_taken_later() {
        let mut vectors = Vectors::default();
        vectors.refuse(dot(1, 1), 0);
        vectors.refuse(dot(1, 1), 0);
        assert!(vectors.lacks_some());
        assert_eq!(vectors.add(dot(1, 2)), Added::New);
        assert_eq!(vectors.contiguous().get(&dot(1, 1).origin), 2);
        assert!(!vectors.contains(dot(1, 1)) && vectors.contains(dot(1, 2)));
        let mut bytes = Vec::new();
        vectors.encode(&mut bytes);
        assert_eq!(Vectors::decode(&mut Reader::new(Bytes::from(bytes))), Ok(vectors.clone()));
        assert_eq!(vectors.add(dot(1, 1)), Added::New);
        assert_eq!(vectors.add(dot(1, 1)), Added::Known);
        assert!(!vectors.lacks_some());
        for seq in 0..2_000 {
            vectors.refuse(dot(2, seq), 0);
        }
        assert_eq!(vectors.refused.len(), REFUSED_MAX);
        let all = vectors.contiguous().clone();
        vectors.join(&all);
        assert!(vectors.refused.is_empty());
    }

    #[test]
    fn peers_are_told_of_a_refused_entry_until_a_sound_copy_comes_or_time_passes() {
        let origin = dot(1, 1).origin;
        let mut vectors = Vectors::default();
        for seq in [1, 2, 4] {
            vectors.add(dot(1, seq));
        }
        vectors.refuse(dot(1, 3), 1_000);
        vectors.refuse(dot(2, 1), 1_000);
        assert_eq!(vectors.contiguous().get(&origin), 4);
        assert_eq!(vectors.told(1_000 + REFUSED_TOLD_MS - 1).get(&origin), 2);
        assert_eq!(vectors.told(1_000).get(&dot(2, 1).origin), 0);
        assert_eq!(vectors.told(1_000 + REFUSED_TOLD_MS), *vectors.contiguous());
        let token = |seq| VersionVector::from(crdts::Dot::new(origin, seq));
        assert!(vectors.covers(&token(2), 1_000) && !vectors.covers(&token(3), 1_000));
        assert!(vectors.covers(&token(4), 1_000 + REFUSED_TOLD_MS) && !vectors.covers(&token(5), u64::MAX));
        vectors.add(dot(1, 3));
        assert_eq!(vectors.told(1_000).get(&origin), 4);
        assert!(vectors.covers(&token(4), 1_000));
    }

    #[test]
    fn what_nobody_holds_is_passed_over_and_taken_if_it_comes_all_the_same() {
        let origin = dot(1, 1).origin;
        let mut vectors = Vectors::default();
        [1, 5, 9].into_iter().for_each(|seq| assert_eq!(vectors.add(dot(1, seq)), Added::New));
        assert_eq!(vectors.gaps().collect::<Vec<_>>(), [(origin, 2, 4)]);
        assert!(!vectors.pass_over((origin, 2, 3)) && !vectors.pass_over((origin, 6, 8)));
        assert!(vectors.pass_over((origin, 2, 4)));
        assert_eq!(vectors.contiguous().get(&origin), 5);
        assert_eq!(vectors.told(0).get(&origin), 5, "peers have said that they cannot fill it");
        assert!(!vectors.contains(dot(1, 3)) && vectors.contains(dot(1, 5)) && vectors.lacks_some());
        for (from, held) in [(1, Some(1)), (2, Some(5)), (4, Some(5)), (6, Some(9)), (10, None)] {
            assert_eq!(vectors.next_held(origin, from), held, "{from}");
        }
        let mut bytes = Vec::new();
        vectors.encode(&mut bytes);
        assert_eq!(Vectors::decode(&mut Reader::new(Bytes::from(bytes))), Ok(vectors.clone()));
        assert_eq!((vectors.add(dot(1, 3)), vectors.add(dot(1, 3))), (Added::New, Added::Known));
        assert_eq!(vectors.next_held(origin, 2), Some(3));
        vectors.refuse(dot(1, 6), 0);
        assert_eq!(vectors.next_held(origin, 6), Some(9));
        let all = vectors.contiguous().clone();
        vectors.join(&all);
        assert!(vectors.contains(dot(1, 2)) && !vectors.lacks_some(), "a transfer covers it");
    }

    #[test]
    fn number_zero_is_no_dot() {
        let mut vectors = Vectors::default();
        assert_eq!(vectors.add(dot(1, 0)), Added::Known);
        assert!(!vectors.has_room_for(dot(1, 0)));
    }

    proptest! {
        #[test]
        fn any_order_ends_at_the_same_vector(seqs in Just((1u64..60).collect::<Vec<_>>()).prop_shuffle(), cut in 0usize..59) {
            let mut vectors = Vectors::default();
            for seq in &seqs[..cut] {
                prop_assert_eq!(vectors.add(dot(2, *seq)), Added::New);
            }
            for seq in 1..60 {
                prop_assert_eq!(vectors.contains(dot(2, seq)), seqs[..cut].contains(&seq));
            }
            let mut bytes = Vec::new();
            vectors.encode(&mut bytes);
            let decoded = Vectors::decode(&mut Reader::new(Bytes::from(bytes)));
            prop_assert_eq!(decoded.as_ref(), Ok(&vectors));
            for seq in &seqs {
                vectors.add(dot(2, *seq));
            }
            prop_assert_eq!(vectors.contiguous().get(&dot(2, 1).origin), 59);
            prop_assert_eq!(vectors.early.count(), 0);
        }
    }
}
