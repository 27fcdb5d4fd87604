//! The canonical encoding of a session, version 1. Equal states have equal bytes.
//!
//! Numbers are varints. All origins of a record stand in one table, the creator
//! first, and are named by index. Creation is relative to the start of 2026,
//! every other stamp to the creation. Maps are sorted; a bit in the length of
//! each name says whether another one follows.
//!
//! ```text
//! record    = flags namespace origins created lifetime idle-timeout (content | revocation)
//! flags     = version:4 unit-of-lifetime-and-idle-timeout:2 complete:1 revoked:1
//! origins   = { replica:* more:1, incarnation }
//! stamp     = ms:* has-counter:1 [counter]
//! content   = sections [last-seen] [lapse] [register of ids] [replays] [register of auth] [{ name register }] [{ name counter }] [{ name set }]
//! revocation = stamp origin, seq, reason
//! lapse     = stamp origin, and nothing but the last use beside it
//! register  = { origin:* has-seen:1 more:1, seq, [vector], stamp, value }
//! id        = 1 secret:16 has-cut:1 [stamp origin] grace-ends count { secret:16 accepted-until }
//! replays   = count { origin, seq, stamp }
//! value     = 0 | length:* kind:2 bytes
//! counter   = count { origin:* has-added:1 has-subtracted:1, [added] [subtracted] }
//! set       = count { member count { origin:* in-force:1, seq } }
//! ```

mod decode;
mod encode;
mod error;
mod head;
mod origins;
mod read;
mod shape;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;

pub(crate) use decode::{Decoder, Names};
pub use error::DecodeError;
pub(crate) use head::{Head, read as read_head};
pub(crate) use read::Reader;
pub(crate) use shape::{Own, Shape, split};

use super::Session;

/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;

/// 2026-01-01T00:00:00Z, to which creation times are relative.
const EPOCH_MS: u64 = 1_767_225_600_000;

/// The 48 bits of milliseconds in a stamp.
const WALL_MASK: u64 = (1 << 48) - 1;

/// What a record may cost to decode.
///
/// It must be well above the limits on writes: concurrent writes at several
/// replicas, each within its limits, merge into more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The longest record, in bytes. Default: 4 MiB.
    pub bytes_max: usize,
    /// The most names, writes, members, shares and causal entries together;
    /// each takes a few hundred bytes of memory at most. Default: 65 536.
    pub items_max: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { bytes_max: 4 << 20, items_max: 65_536 }
    }
}

impl DecodeLimits {
    pub(crate) fn check_len(&self, record: &Bytes) -> Result<(), DecodeError> {
        if record.len() > self.bytes_max {
            let (limit, actual) = (self.bytes_max, record.len());
            return Err(DecodeError::TooLarge { what: "bytes", limit, actual });
        }
        Ok(())
    }
}

impl Session {
    /// The canonical encoding.
    ///
    /// Registers in `attributes` that were never written mean nothing and are left out.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode::session(self).into()
    }

    /// Reads an encoding; values share its memory.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are beyond `limits`, or are not exactly what [`Session::encode`] writes.
    pub fn decode(record: &Bytes, limits: &DecodeLimits) -> Result<Self, DecodeError> {
        limits.check_len(record)?;
        decode::session(record, limits.items_max)
    }
}

/// A part of the content that may be there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Section {
    LastSeen = 1,
    Auth = 2,
    Attributes = 4,
    Counters = 8,
    Sets = 16,
    Ids = 32,
    Replays = 64,
    Lapse = 128,
}

impl Section {
    fn bit_if(self, is_there: bool) -> u8 {
        if is_there { self as u8 } else { 0 }
    }

    pub(crate) fn is_in(self, sections: u8) -> bool {
        sections & self as u8 != 0
    }

    /// Which sections a content has.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
        let sections = reader.byte()?;
        let beside_lapse = Self::LastSeen as u8 | Self::Lapse as u8;
        if Self::Lapse.is_in(sections) && sections & !beside_lapse != 0 {
            return Err(DecodeError::Malformed("content of a session that has lapsed"));
        }
        Ok(sections)
    }
}
