//! A multi-value register: concurrent writes stay side by side until the next write.

use crdts::{CmRDT, CvRDT, MVReg, mvreg};

use super::{Dot, Origin, Stamp, VersionVector};

/// One write of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write<T> {
    /// Names the write.
    pub dot: Dot,
    /// Its time; with the dot's origin, its stamp.
    pub hlc: u64,
    /// The writes of other origins that it had seen. What it had seen of its own
    /// origin is every dot up to its own.
    pub seen: VersionVector,
    /// The value, or none if the write removed it.
    pub value: Option<T>,
}

impl<T> Write<T> {
    /// Decides between concurrent writes.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { hlc: self.hlc, origin: self.dot.origin }
    }

    /// Everything it supersedes, and itself.
    #[must_use]
    pub fn clock(&self) -> VersionVector {
        let mut clock = self.seen.clone();
        clock.apply(self.dot.into());
        clock
    }

    fn order(&self) -> impl Ord + '_ {
        (self.dot, &self.seen.dots)
    }
}

/// A register over `Option<T>`; `None` is a removal that must reach other replicas.
///
/// The joins are those of [`crdts::MVReg`]. Between them the writes are kept in
/// canonical order, so that equal registers compare and encode alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register<T> {
    writes: Vec<Write<T>>,
}

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self { writes: Vec::new() }
    }
}

impl<T: Clone + PartialEq> Register<T> {
    /// The register after a write that has seen all of this one.
    ///
    /// It holds that write alone, so it is also the fragment to send. The dot
    /// must be new: above every dot of its origin that was used before.
    #[must_use]
    pub fn write(&self, dot: Dot, hlc: u64, value: Option<T>) -> Self {
        let mut seen = VersionVector::new();
        for write in &self.writes {
            seen.merge(write.clock());
        }
        seen.dots.remove(&dot.origin);
        Self { writes: vec![Write { dot, hlc, seen, value }] }
    }

    /// Joins another copy: writes that the other side's writes had seen give way.
    pub fn merge(&mut self, other: Self) {
        if self.writes == other.writes || other.writes.is_empty() {
            return;
        }
        if self.writes.is_empty() {
            *self = other;
            return;
        }
        let races =
            |theirs: &Write<T>| self.writes.iter().any(|mine| mine.clock().concurrent(&theirs.clock()));
        if planted!(FirstValueStays) && other.writes.iter().any(races) {
            return;
        }
        let mut merged = into_crdt(std::mem::take(&mut self.writes));
        merged.merge(into_crdt(other.writes));
        self.writes = merged.read().val;
        self.writes.sort_unstable_by(|a, b| a.order().cmp(&b.order()));
    }
}

impl<T> Register<T> {
    /// The concurrent writes, in ascending order of their dots.
    #[must_use]
    pub fn writes(&self) -> &[Write<T>] {
        &self.writes
    }

    /// True if nothing was ever written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The write that holds: a value beats a removal, then the highest stamp wins.
    #[must_use]
    pub fn winner(&self) -> Option<&Write<T>> {
        self.writes.iter().max_by_key(|write| (write.value.is_some(), write.stamp()))
    }

    /// The value that holds, if there is one.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        self.winner().and_then(|write| write.value.as_ref())
    }

    /// Rebuilds a register from writes in canonical order; none if they are not, or not concurrent.
    pub(crate) fn from_writes(writes: Vec<Write<T>>) -> Option<Self> {
        let ascending = writes.windows(2).all(|pair| pair[0].order() < pair[1].order());
        let concurrent = || {
            let clocks: Vec<_> = writes.iter().map(Write::clock).collect();
            (1..clocks.len()).all(|i| clocks[..i].iter().all(|clock| clock.concurrent(&clocks[i])))
        };
        (ascending && (writes.len() < 2 || concurrent())).then_some(Self { writes })
    }
}

fn into_crdt<T: Clone>(writes: Vec<Write<T>>) -> MVReg<Write<T>, Origin> {
    let mut register = MVReg::default();
    for write in writes {
        // Concurrent writes do not displace each other, so this rebuilds exactly what was read.
        register.apply(mvreg::Op::Put { clock: write.clock(), val: write });
    }
    register
}
