//! PURE. Log entries and the blocks that carry them to disk.
//!
//! A block is: version (1 byte), highest stamp, number of entries, the entries,
//! and XXH3 (64 bits, seeded with the block's number) of all of that. An entry
//! is: origin, seq, key (16 bytes), flags (bit 0: ack), fragment. Numbers are LEB128.

use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::engine::wire::{Malformed, Reader, put_bytes, put_number, put_origin};
use crate::session::{Dot, Key, Origin};

const VERSION: u8 = 1;
const ACK: u8 = 1;
const CHECKSUM_BYTES: usize = 8;

/// One write of one session, as it is logged and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Who made it.
    pub origin: Origin,
    /// Its number among the origin's writes of this partition.
    pub seq: u64,
    /// The session.
    pub key: Key,
    /// The origin waits for replicas to confirm it.
    pub ack: bool,
    /// The encoded fragment.
    pub fragment: Bytes,
}

impl LogEntry {
    /// Its name.
    #[must_use]
    pub fn dot(&self) -> Dot {
        Dot { origin: self.origin, seq: self.seq }
    }

    /// About what it takes in memory, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.fragment.len() + 96
    }
}

/// Entries that are written together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Block {
    pub(in crate::engine) number: u64,
    /// The highest stamp that this node had given or seen when it was closed, but for those of a clock
    /// that was known to be wrong by then.
    pub(in crate::engine) hlc: u64,
    pub(in crate::engine) entries: Vec<Arc<LogEntry>>,
}

impl Block {
    pub(in crate::engine) fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.bytes()).sum()
    }

    pub(in crate::engine) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes());
        out.push(VERSION);
        put_number(&mut out, self.hlc);
        put_number(&mut out, self.entries.len() as u64);
        for entry in &self.entries {
            put_origin(&mut out, entry.origin);
            put_number(&mut out, entry.seq);
            out.extend_from_slice(&entry.key.0);
            out.push(if entry.ack { ACK } else { 0 });
            put_bytes(&mut out, &entry.fragment);
        }
        let checksum = xxh3_64_with_seed(&out, self.number);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    pub(in crate::engine) fn decode(number: u64, bytes: Bytes) -> Result<Self, Malformed> {
        let body_bytes = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(Malformed)?;
        let body = bytes.slice(..body_bytes);
        if xxh3_64_with_seed(&body, number).to_le_bytes()[..] != bytes[body_bytes..] {
            return Err(Malformed);
        }
        let mut reader = Reader::new(body);
        if reader.byte()? != VERSION {
            return Err(Malformed);
        }
        let hlc = reader.number()?;
        let count = reader.number()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(Arc::new(decode_entry(&mut reader)?));
        }
        if reader.is_empty() { Ok(Self { number, hlc, entries }) } else { Err(Malformed) }
    }
}

fn decode_entry(reader: &mut Reader) -> Result<LogEntry, Malformed> {
    Ok(LogEntry {
        origin: reader.origin()?,
        seq: reader.number()?,
        key: reader.key()?,
        ack: reader.byte()? & ACK != 0,
        fragment: reader.bytes()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::ReplicaId;

    prop_compose! {
        fn entry()(replica: u16, incarnation: u32, seq: u64, key: [u8; 16], ack: bool,
                   fragment in proptest::collection::vec(any::<u8>(), 0..80)) -> Arc<LogEntry> {
            let origin = Origin { replica: ReplicaId(replica), incarnation };
            Arc::new(LogEntry { origin, seq, key: Key(key), ack, fragment: fragment.into() })
        }
    }

    proptest! {
        #[test]
        fn round_trip(number: u64, hlc: u64, entries in proptest::collection::vec(entry(), 0..8)) {
            let block = Block { number, hlc, entries };
            prop_assert_eq!(Block::decode(number, block.encode().into()), Ok(block));
        }

        #[test]
        fn any_flipped_bit_and_any_cut_is_found(entries in proptest::collection::vec(entry(), 0..4), at: prop::sample::Index) {
            let bytes = Block { number: 7, hlc: 1, entries }.encode();
            let bit = at.index(bytes.len() * 8);
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Block::decode(7, flipped.into()), Err(Malformed));
            let cut = Bytes::from(bytes.clone()).slice(..bit / 8);
            prop_assert_eq!(Block::decode(7, cut), Err(Malformed));
            prop_assert_eq!(Block::decode(8, bytes.into()), Err(Malformed));
        }

        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Block::decode(1, noise.into());
        }
    }
}
