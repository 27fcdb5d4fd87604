//! PURE. Sets of dots as ranges of numbers, by origin.

use std::collections::BTreeMap;

use super::wire::{Malformed, Reader, put_number, put_origin};
use crate::session::{Dot, Origin};

/// For each origin first to last, disjoint, never touching each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    by_origin: BTreeMap<Origin, BTreeMap<u64, u64>>,
    count: usize,
}

impl Ranges {
    /// How many ranges there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn contains(&self, dot: Dot) -> bool {
        self.end_of(dot).is_some()
    }

    /// The last number of the range that a dot is in.
    pub(super) fn end_of(&self, dot: Dot) -> Option<u64> {
        self.range_of(dot).map(|(_, last)| last)
    }

    fn range_of(&self, dot: Dot) -> Option<(u64, u64)> {
        let (first, last) = self.by_origin.get(&dot.origin)?.range(..=dot.seq).next_back()?;
        (dot.seq <= *last).then_some((*first, *last))
    }

    /// The lowest range of each origin.
    pub(super) fn lowest(&self) -> impl Iterator<Item = (Origin, u64, u64)> {
        self.by_origin.iter().filter_map(|(origin, ranges)| {
            ranges.first_key_value().map(|(first, last)| (*origin, *first, *last))
        })
    }

    /// The highest number of each origin.
    pub(super) fn highest(&self) -> impl Iterator<Item = (Origin, u64)> {
        self.by_origin
            .iter()
            .filter_map(|(origin, ranges)| ranges.last_key_value().map(|(_, last)| (*origin, *last)))
    }

    /// The lowest number of an origin from this one on.
    pub(super) fn next_from(&self, origin: Origin, seq: u64) -> Option<u64> {
        if self.contains(Dot { origin, seq }) {
            return Some(seq);
        }
        self.by_origin.get(&origin)?.range(seq..).next().map(|(first, _)| *first)
    }

    pub(super) fn add(&mut self, dot: Dot) {
        self.add_range(dot.origin, dot.seq, dot.seq);
    }

    /// None of the numbers may be in a range already.
    pub(super) fn add_range(&mut self, origin: Origin, mut first: u64, mut last: u64) {
        let ranges = self.by_origin.entry(origin).or_default();
        if let Some((before, end)) = ranges.range(..first).next_back().map(|(first, last)| (*first, *last))
            && end + 1 == first
        {
            ranges.remove(&before);
            self.count -= 1;
            first = before;
        }
        if let Some(end) = last.checked_add(1).and_then(|next| ranges.remove(&next)) {
            self.count -= 1;
            last = end;
        }
        ranges.insert(first, last);
        self.count += 1;
    }

    /// Takes one dot out; false if it was in no range.
    pub(super) fn remove(&mut self, dot: Dot) -> bool {
        let Some((first, last)) = self.range_of(dot) else { return false };
        self.remove_range(dot.origin, first);
        if first < dot.seq {
            self.add_range(dot.origin, first, dot.seq - 1);
        }
        if dot.seq < last {
            self.add_range(dot.origin, dot.seq + 1, last);
        }
        true
    }

    fn remove_range(&mut self, origin: Origin, first: u64) {
        let Some(ranges) = self.by_origin.get_mut(&origin) else { return };
        if ranges.remove(&first).is_some() {
            self.count -= 1;
        }
        if ranges.is_empty() {
            self.by_origin.remove(&origin);
        }
    }

    /// Takes out the ranges that follow `held` without a hole; returns the last number of them.
    pub(super) fn absorb(&mut self, origin: Origin, mut held: u64) -> u64 {
        while let Some((first, last)) = self.by_origin.get(&origin).and_then(BTreeMap::first_key_value) {
            let (first, last) = (*first, *last);
            if first > held.saturating_add(1) {
                break;
            }
            held = held.max(last);
            self.remove_range(origin, first);
        }
        held
    }

    /// Forgets the lowest range of the first origin.
    pub(super) fn forget_one(&mut self) {
        let lowest = self.lowest().next();
        if let Some((origin, first, _)) = lowest {
            self.remove_range(origin, first);
        }
    }

    /// Forgets what a vector covers.
    pub(super) fn forget_up_to(&mut self, origin: Origin, seq: u64) {
        while let Some((first, last)) = self.by_origin.get(&origin).and_then(BTreeMap::first_key_value) {
            let (first, last) = (*first, *last);
            if first > seq {
                break;
            }
            self.remove_range(origin, first);
            if last > seq {
                self.add_range(origin, seq + 1, last);
            }
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_number(out, self.count as u64);
        for (origin, ranges) in &self.by_origin {
            for (first, last) in ranges {
                put_origin(out, *origin);
                put_number(out, *first);
                put_number(out, *last);
            }
        }
    }

    pub(super) fn decode(reader: &mut Reader) -> Result<Self, Malformed> {
        let mut ranges = Self::default();
        for _ in 0..reader.number()? {
            let (origin, first, last) = (reader.origin()?, reader.number()?, reader.number()?);
            ranges.by_origin.entry(origin).or_default().insert(first, last);
            ranges.count += 1;
        }
        Ok(ranges)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::session::ReplicaId;

    fn dot(seq: u64) -> Dot {
        Dot { origin: Origin { replica: ReplicaId(1), incarnation: 1 }, seq }
    }

    proptest! {
        #[test]
        fn it_is_a_set(steps in proptest::collection::vec((1u64..30, any::<bool>()), 0..80), upto in 0u64..31) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (seq, is_added) in steps {
                match is_added {
                    true if set.insert(seq) => ranges.add(dot(seq)),
                    true => {}
                    false => prop_assert_eq!(ranges.remove(dot(seq)), set.remove(&seq)),
                }
            }
            for seq in 0..32 {
                prop_assert_eq!(ranges.contains(dot(seq)), set.contains(&seq));
                prop_assert_eq!(ranges.next_from(dot(0).origin, seq), set.range(seq..).next().copied());
            }
            prop_assert_eq!(ranges.highest().next().map(|(_, last)| last), set.last().copied());
            prop_assert_eq!(ranges.lowest().next().map(|(_, first, _)| first), set.first().copied());
            let starts = set.iter().filter(|seq| !set.contains(&(*seq - 1))).count();
            prop_assert_eq!(ranges.count(), starts);
            let mut bytes = Vec::new();
            ranges.encode(&mut bytes);
            let decoded = Ranges::decode(&mut Reader::new(Bytes::from(bytes)));
            prop_assert_eq!(decoded.as_ref(), Ok(&ranges));
            ranges.forget_up_to(dot(0).origin, upto);
            for seq in 0..32 {
                prop_assert_eq!(ranges.contains(dot(seq)), seq > upto && set.contains(&seq));
            }
        }
    }

    #[test]
    fn what_follows_without_a_hole_is_absorbed() {
        let mut ranges = Ranges::default();
        [3, 4, 6].into_iter().for_each(|seq| ranges.add(dot(seq)));
        assert_eq!(ranges.absorb(dot(0).origin, 1), 1);
        assert_eq!(ranges.absorb(dot(0).origin, 2), 4);
        assert!(ranges.contains(dot(6)) && ranges.count() == 1);
        assert_eq!(ranges.absorb(dot(0).origin, 9), 9);
        ranges.add(dot(12));
        ranges.forget_one();
        assert_eq!(ranges, Ranges::default());
    }
}
