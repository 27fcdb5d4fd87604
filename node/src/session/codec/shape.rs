//! What fragments have in common, apart from what is each one's own.
//!
//! A node's writes repeat a few shapes: the same namespace, time-outs and names,
//! with another time, number and value. Two nodes that remember the shapes
//! between them need to send a fragment's own part alone.
//!
//! Uses and attributes have shapes. Logins, counters, sets and revocations are
//! rarer and more varied: they have none.

use bytes::Bytes;

use super::origins::Origins;
use super::read::Reader;
use super::write::Writer;
use super::{DecodeError, EPOCH_MS, Section, VERSION, head};
use crate::session::hlc::from_wall_ms;

/// The longest shape, in bytes. Fragments beyond it have none.
const LITERALS_BYTES_MAX: usize = 256;

/// The most gaps in a shape. Fragments beyond it have none.
const GAPS_MAX: usize = 64;

/// A fragment's bytes with gaps where its own part goes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    literals: Vec<u8>,
    /// In front of which literal each one is, ascending.
    gaps: Vec<(u16, Gap)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    Created,
    LastSeen,
    /// The number of the write itself.
    Seq,
    /// The number of a write that it had seen.
    Seen,
    Stamp,
    /// A value of this kind.
    Value(u8),
}

/// What is a fragment's own.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Own {
    /// The number of its write.
    pub(crate) seq: u64,
    /// The time of its write, or of its use if it writes nothing: an HLC.
    pub(crate) stamp: u64,
    /// When the session was created: an HLC.
    pub(crate) created: u64,
    /// When the session was last used, in milliseconds since the Unix epoch.
    pub(crate) last_seen_ms: u64,
    /// Numbers of writes that it had seen.
    pub(crate) seen: Vec<u64>,
    /// The values that it writes.
    pub(crate) values: Vec<Bytes>,
}

impl Shape {
    /// Whether [`Own::last_seen_ms`] means something.
    pub(crate) fn has_last_seen(&self) -> bool {
        self.gaps.iter().any(|(_, gap)| *gap == Gap::LastSeen)
    }

    /// How many writes seen it needs.
    pub(crate) fn seen_count(&self) -> usize {
        self.gaps.iter().filter(|(_, gap)| *gap == Gap::Seen).count()
    }

    /// How many values it needs.
    pub(crate) fn values_count(&self) -> usize {
        self.gaps.iter().filter(|(_, gap)| matches!(gap, Gap::Value(_))).count()
    }

    /// The fragment of this shape with that own part.
    ///
    /// What is missing of the own part reads as 0 or empty; what is too much is not used.
    pub(crate) fn fill(&self, own: &Own) -> Bytes {
        let values_bytes: usize = own.values.iter().map(Bytes::len).sum();
        let bytes = self.literals.len() + self.gaps.len() * 8 + values_bytes;
        let mut out = Writer { out: Vec::with_capacity(bytes) };
        let created_ms = own.created >> 16;
        let (mut seen, mut values) = (own.seen.iter(), own.values.iter());
        let mut done = 0;
        for &(at, gap) in &self.gaps {
            let at = usize::from(at);
            out.raw(self.literals.get(done..at).unwrap_or_default());
            done = at;
            match gap {
                Gap::Created => out.hlc(own.created, EPOCH_MS),
                Gap::LastSeen => out.varint(own.last_seen_ms.wrapping_sub(created_ms)),
                Gap::Seq => out.varint(own.seq),
                Gap::Seen => out.varint(seen.next().copied().unwrap_or_default()),
                Gap::Stamp => out.hlc(own.stamp, created_ms),
                Gap::Value(kind) => {
                    let value = values.next().map(Bytes::as_ref).unwrap_or_default();
                    out.varint((value.len() as u64) << 2 | u64::from(kind));
                    out.raw(value);
                }
            }
        }
        out.raw(self.literals.get(done..).unwrap_or_default());
        out.out.into()
    }
}

/// Takes the fragment of the write with number `seq` apart; none if it has no shape.
///
/// A pure function of its arguments, and [`Shape::fill`] is its inverse.
pub(crate) fn split(fragment: &Bytes, seq: u64) -> Option<(Shape, Own)> {
    let mut walk = Walk {
        fragment,
        reader: Reader::new(fragment, GAPS_MAX),
        done: 0,
        shape: Shape { literals: Vec::with_capacity(64), gaps: Vec::with_capacity(8) },
        own: Own { seq, ..Own::default() },
        has_stamp: false,
    };
    walk.head().and_then(|()| walk.body()).ok()?;
    walk.literal_until(fragment.len());
    let Walk { shape, own, .. } = walk;
    let fits = shape.literals.len() <= LITERALS_BYTES_MAX && shape.gaps.len() <= GAPS_MAX;
    // Whatever the bytes are, the receiver gets exactly them.
    (fits && shape.fill(&own) == *fragment).then_some((shape, own))
}

/// A position in a fragment that is being taken apart.
struct Walk<'a> {
    fragment: &'a Bytes,
    reader: Reader<'a>,
    /// What of the fragment is in the shape already.
    done: usize,
    shape: Shape,
    own: Own,
    has_stamp: bool,
}

const SHAPELESS: DecodeError = DecodeError::Malformed("a fragment without a shape");

impl<'a> Walk<'a> {
    fn head(&mut self) -> Result<(), DecodeError> {
        let flags = self.reader.byte()?;
        if flags >> head::VERSION_SHIFT != VERSION || flags & head::REVOKED != 0 {
            return Err(SHAPELESS);
        }
        self.reader.str()?;
        Origins::read(&mut self.reader)?;
        self.own.created = self.gap(Gap::Created, |reader| reader.hlc(EPOCH_MS))?;
        self.reader.varint()?;
        self.reader.varint()?;
        Ok(())
    }

    fn body(&mut self) -> Result<(), DecodeError> {
        let sections = Section::read(&mut self.reader)?;
        if sections & !(Section::LastSeen as u8 | Section::Attributes as u8) != 0 {
            return Err(SHAPELESS);
        }
        if Section::LastSeen.is_in(sections) {
            let after_ms = self.gap(Gap::LastSeen, Reader::varint)?;
            self.own.last_seen_ms = (self.own.created >> 16).wrapping_add(after_ms);
            self.own.stamp = from_wall_ms(self.own.last_seen_ms);
        }
        let mut more = Section::Attributes.is_in(sections);
        while more {
            more = self.reader.name()?.1;
            self.write()?;
        }
        self.reader.finish()
    }

    /// The only write of a register.
    fn write(&mut self) -> Result<(), DecodeError> {
        let head = self.reader.varint()?;
        let seq = self.gap(Gap::Seq, Reader::varint)?;
        if head & 1 != 0 || seq != self.own.seq {
            return Err(SHAPELESS);
        }
        if head & 2 != 0 {
            for _ in 0..self.reader.varint()? {
                self.reader.item()?;
                self.reader.varint()?;
                let seen = self.gap(Gap::Seen, Reader::varint)?;
                self.own.seen.push(seen);
            }
        }
        let created_ms = self.own.created >> 16;
        let stamp = self.gap(Gap::Stamp, |reader| reader.hlc(created_ms))?;
        if self.has_stamp && self.own.stamp != stamp {
            return Err(SHAPELESS);
        }
        self.own.stamp = stamp;
        self.has_stamp = true;
        self.value()
    }

    fn value(&mut self) -> Result<(), DecodeError> {
        let from = self.reader.position();
        let head = self.reader.usize()?;
        // 0 is a removal and stays in the shape.
        if head != 0 {
            let value = self.reader.shared(head >> 2)?;
            self.put_gap(from, Gap::Value(head as u8 & 3))?;
            self.own.values.push(value);
        }
        Ok(())
    }

    fn gap(
        &mut self,
        gap: Gap,
        read: impl FnOnce(&mut Reader<'a>) -> Result<u64, DecodeError>,
    ) -> Result<u64, DecodeError> {
        let from = self.reader.position();
        let number = read(&mut self.reader)?;
        self.put_gap(from, gap)?;
        Ok(number)
    }

    fn put_gap(&mut self, from: usize, gap: Gap) -> Result<(), DecodeError> {
        self.reader.item()?;
        self.literal_until(from);
        let at = u16::try_from(self.shape.literals.len()).map_err(|_| SHAPELESS)?;
        self.shape.gaps.push((at, gap));
        self.done = self.reader.position();
        Ok(())
    }

    fn literal_until(&mut self, end: usize) {
        self.shape.literals.extend_from_slice(self.fragment.get(self.done..end).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests;
