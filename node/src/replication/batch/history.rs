//! What both ends of a link remember of the entries that it carried.
//!
//! Both sides update it by the same rules from the same entries in the same
//! order, so it needs no message of its own. It lives and dies with its link:
//! a batch that cannot be read closes the link.

use std::collections::BTreeMap;

use crate::session::codec::Shape;
use crate::session::{Origin, Partition};

/// Shapes remembered; the oldest gives way. At most 1 MiB, and a tenth of that with usual names.
const SHAPES_MAX: usize = 1024;

/// Origins times partitions whose last number is remembered.
const SEQS_MAX: usize = 32_768;

/// The memory of one direction of a link.
#[derive(Default)]
pub(super) struct History {
    /// The last time seen: an HLC.
    pub(super) stamp: u64,
    seqs: BTreeMap<(Origin, Partition), u64>,
    shapes: Vec<Shape>,
    numbers: BTreeMap<Shape, usize>,
    shapes_learnt: usize,
}

impl History {
    /// Takes note of an origin's number; gives the one before, or 0.
    pub(super) fn replace_seq(&mut self, origin: Origin, partition: Partition, seq: u64) -> u64 {
        if self.seqs.len() >= SEQS_MAX && !self.seqs.contains_key(&(origin, partition)) {
            self.seqs.clear();
        }
        self.seqs.insert((origin, partition), seq).unwrap_or_default()
    }

    /// An origin's last number, or 0.
    pub(super) fn seq(&self, origin: Origin, partition: Partition) -> u64 {
        self.seqs.get(&(origin, partition)).copied().unwrap_or_default()
    }

    pub(super) fn number(&self, shape: &Shape) -> Option<u64> {
        self.numbers.get(shape).map(|&number| number as u64)
    }

    pub(super) fn shape(&self, number: u64) -> Option<&Shape> {
        self.shapes.get(usize::try_from(number).ok()?)
    }

    /// Remembers a shape that travelled in full.
    pub(super) fn learn(&mut self, shape: Shape) {
        if self.numbers.contains_key(&shape) {
            return;
        }
        let number = self.shapes_learnt % SHAPES_MAX;
        self.shapes_learnt += 1;
        self.numbers.insert(shape.clone(), number);
        match self.shapes.get_mut(number) {
            Some(place) => {
                let oldest = std::mem::replace(place, shape);
                self.numbers.remove(&oldest);
            }
            None => self.shapes.push(shape),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::codec::split;
    use crate::session::{Birth, ReplicaId, Session, Stamp};

    fn shape(namespace: usize) -> Shape {
        let birth = Birth {
            namespace: namespace.to_string().into(),
            created: Stamp::default(),
            absolute_deadline_ms: 1,
            idle_timeout_ms: 1,
        };
        split(&Session::new(birth).encode(), 1).unwrap().0
    }

    #[test]
    fn the_oldest_shape_gives_way() {
        let mut history = History::default();
        for namespace in 0..=SHAPES_MAX {
            history.learn(shape(namespace));
            history.learn(shape(namespace));
        }
        assert_eq!((history.shapes.len(), history.numbers.len()), (SHAPES_MAX, SHAPES_MAX));
        assert_eq!(history.number(&shape(0)), None);
        assert_eq!(history.number(&shape(1)), Some(1));
        assert_eq!(history.number(&shape(SHAPES_MAX)), Some(0));
        assert!(history.shape(0) == Some(&shape(SHAPES_MAX)));
    }

    #[test]
    fn numbers_are_bounded() {
        let mut history = History::default();
        let origin = |incarnation| Origin { replica: ReplicaId(1), incarnation };
        let count = u32::try_from(SEQS_MAX).unwrap();
        for incarnation in 0..count {
            assert_eq!(history.replace_seq(origin(incarnation), Partition(0), 7), 0);
        }
        assert_eq!(history.replace_seq(origin(5), Partition(0), 8), 7);
        assert_eq!(history.replace_seq(origin(count), Partition(0), 7), 0);
        assert_eq!((history.seqs.len(), history.seq(origin(5), Partition(0))), (1, 0));
    }
}
