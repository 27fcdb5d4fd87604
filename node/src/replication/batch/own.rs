//! The encoding of a fragment's own part.
//!
//! ```text
//! own   = stamp age last_seen? seen* value*
//! stamp = difference << 1                       of the whole HLC, if it is small
//!       | (zigzag(ms) << 1 | has_counter) << 1 | 1, counter?
//! age   = ms << 1 | has_counter, counter?       back from the stamp to the creation
//! ```
//!
//! `stamp` is relative to the one before on the link, `last_seen` to the stamp
//! (zigzag). Values have their length in front, but for the last, whose length is in the entry's head.

use crate::replication::varint::{self, ReadError, Reader};
use crate::session::codec::{Own, Shape};

/// The 48 bits of milliseconds in a stamp.
const WALL_MASK: u64 = (1 << 48) - 1;

/// Differences of stamps within about a millisecond, which would take more bytes in parts.
const DIFFERENCE_MAX: u64 = 0x3fff;

/// Appends the own part of a fragment that comes after `before`.
pub(super) fn put(out: &mut Vec<u8>, shape: &Shape, own: &Own, before: u64) {
    put_stamp(out, own.stamp, before);
    let age_ms = (own.stamp >> 16).wrapping_sub(own.created >> 16) & WALL_MASK;
    put_with_counter(out, age_ms << 1, 0, own.created & 0xffff);
    if shape.has_last_seen() {
        varint::put(out, varint::zigzag(own.last_seen_ms.wrapping_sub(own.stamp >> 16) as i64));
    }
    own.seen.iter().for_each(|&seen| varint::put(out, seen));
    for (position, value) in own.values.iter().enumerate() {
        if position + 1 < own.values.len() {
            varint::put(out, value.len() as u64);
        }
        out.extend_from_slice(value);
    }
}

/// The inverse of [`put`]. The last value has `length` bytes, or the rest.
pub(super) fn read(
    reader: &mut Reader,
    shape: &Shape,
    seq: u64,
    before: u64,
    length: Option<usize>,
) -> Result<Own, ReadError> {
    let mut own = Own { seq, stamp: read_stamp(reader, before)?, ..Own::default() };
    let age = reader.varint()?;
    let created_ms = (own.stamp >> 16).wrapping_sub(age >> 1) & WALL_MASK;
    own.created = created_ms << 16 | counter(reader, age & 1 != 0)?;
    if shape.has_last_seen() {
        let after_ms = varint::unzigzag(reader.varint()?) as u64;
        own.last_seen_ms = (own.stamp >> 16).wrapping_add(after_ms);
    }
    for _ in 0..shape.seen_count() {
        own.seen.push(reader.varint()?);
    }
    let values = shape.values_count();
    for position in 1..=values {
        let rest = reader.remaining();
        let length = if position < values { reader.number()? } else { length.unwrap_or(rest) };
        own.values.push(reader.take(length)?);
    }
    Ok(own)
}

fn put_stamp(out: &mut Vec<u8>, stamp: u64, before: u64) {
    let difference = stamp.wrapping_sub(before);
    if difference <= DIFFERENCE_MAX {
        return varint::put(out, difference << 1);
    }
    let after_ms = varint::zigzag((stamp >> 16) as i64 - (before >> 16) as i64);
    put_with_counter(out, after_ms << 2 | 1, 1, stamp & 0xffff);
}

fn read_stamp(reader: &mut Reader, before: u64) -> Result<u64, ReadError> {
    let head = reader.varint()?;
    if head & 1 == 0 {
        return Ok(before.wrapping_add(head >> 1));
    }
    let wall_ms = (before >> 16).wrapping_add(varint::unzigzag(head >> 2) as u64) & WALL_MASK;
    Ok(wall_ms << 16 | counter(reader, head & 2 != 0)?)
}

/// A number with a free bit for whether a counter follows.
fn put_with_counter(out: &mut Vec<u8>, number: u64, bit: u32, counter: u64) {
    varint::put(out, number | u64::from(counter != 0) << bit);
    if counter != 0 {
        varint::put(out, counter);
    }
}

fn counter(reader: &mut Reader, is_there: bool) -> Result<u64, ReadError> {
    Ok(if is_there { u64::from(reader.number::<u16>()?) } else { 0 })
}
