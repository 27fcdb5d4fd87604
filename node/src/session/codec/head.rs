//! The first part of a record: version, flags, namespace, origins, birth.

use super::origins::Origins;
use super::read::Reader;
use super::write::Writer;
use super::{DecodeError, EPOCH_MS, VERSION};
use crate::session::{Birth, Stamp};

/// Times are written in the longest of these units, in milliseconds, that loses nothing.
const UNITS_MS: [u64; 3] = [1, 1_000, 60_000];

pub(super) const REVOKED: u8 = 1;
const COMPLETE: u8 = 2;
const UNIT_SHIFT: u8 = 2;
pub(super) const VERSION_SHIFT: u8 = 4;

/// The head of a record, its namespace still in place.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    pub(crate) revoked: bool,
    pub(crate) complete: bool,
    pub(crate) namespace: &'a str,
    pub(crate) created: Stamp,
    pub(crate) absolute_deadline_ms: u64,
    pub(crate) idle_timeout_ms: u64,
}

pub(super) fn write(out: &mut Writer, birth: &Birth, origins: &Origins, revoked: bool, complete: bool) {
    let lifetime_ms = birth.absolute_deadline_ms.wrapping_sub(birth.created.wall_ms());
    let unit = longest_unit(lifetime_ms, birth.idle_timeout_ms);
    let unit_ms = UNITS_MS[usize::from(unit)];
    // A revocation is complete by itself.
    let complete = revoked || complete;
    out.byte(VERSION << VERSION_SHIFT | unit << UNIT_SHIFT | u8::from(complete) << 1 | u8::from(revoked));
    out.bytes(birth.namespace.as_bytes());
    origins.write(out);
    out.hlc(birth.created.hlc, EPOCH_MS);
    out.varint(lifetime_ms / unit_ms);
    out.varint(birth.idle_timeout_ms / unit_ms);
}

pub(crate) fn read<'a>(reader: &mut Reader<'a>) -> Result<(Head<'a>, Origins), DecodeError> {
    let flags = reader.byte()?;
    let found = flags >> VERSION_SHIFT;
    if found != VERSION {
        return Err(DecodeError::Version { found, expected: VERSION });
    }
    let (revoked, complete) = (flags & REVOKED != 0, flags & COMPLETE != 0);
    if revoked && !complete {
        return Err(DecodeError::Malformed("a revocation that is not complete"));
    }
    let namespace = reader.str()?;
    let origins = Origins::read(reader)?;
    let created = Stamp { hlc: reader.hlc(EPOCH_MS)?, origin: origins.creator() };
    let unit = flags >> UNIT_SHIFT & 3;
    let lifetime_ms = read_time(reader, unit)?;
    let idle_timeout_ms = read_time(reader, unit)?;
    if unit != longest_unit(lifetime_ms, idle_timeout_ms) {
        return Err(DecodeError::Malformed("times that have a longer unit"));
    }
    let absolute_deadline_ms = created.wall_ms().wrapping_add(lifetime_ms);
    Ok((Head { revoked, complete, namespace, created, absolute_deadline_ms, idle_timeout_ms }, origins))
}

fn read_time(reader: &mut Reader<'_>, unit: u8) -> Result<u64, DecodeError> {
    let unit_ms = UNITS_MS.get(usize::from(unit)).ok_or(DecodeError::Malformed("an unknown unit of time"))?;
    reader.varint()?.checked_mul(*unit_ms).ok_or(DecodeError::Malformed("a time beyond 64 bits"))
}

fn longest_unit(lifetime_ms: u64, idle_timeout_ms: u64) -> u8 {
    let fits = |unit_ms: u64| lifetime_ms.is_multiple_of(unit_ms) && idle_timeout_ms.is_multiple_of(unit_ms);
    if fits(60_000) {
        2
    } else if fits(1_000) {
        1
    } else {
        0
    }
}
