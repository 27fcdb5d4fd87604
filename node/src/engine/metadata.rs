//! PURE. What a checkpoint says of a partition as a whole.
//!
//! Version (1 byte), vectors, digest (16 bytes, little-endian in two numbers),
//! number of records, 1 if the digest must be counted anew (else 0), number and
//! keys of partial records, what records hold ahead of the vectors. Numbers are LEB128.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use super::digest::PartitionDigest;
use super::glimpses::Glimpses;
use super::vectors::Vectors;
use super::wire::{Malformed, Reader, put_number};
use crate::session::Key;

const VERSION: u8 = 1;

/// Always in the store together with the records it tells of.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) vectors: Vectors,
    pub(super) digest: PartitionDigest,
    pub(super) recount: bool,
    pub(super) partial: BTreeSet<Key>,
    pub(super) glimpses: Glimpses,
}

impl Metadata {
    pub(super) fn encode(
        vectors: &Vectors,
        digest: PartitionDigest,
        recount: bool,
        partial: &BTreeSet<Key>,
        glimpses: &Glimpses,
        now: Duration,
    ) -> Vec<u8> {
        let mut out = vec![VERSION];
        vectors.encode(&mut out);
        put_number(&mut out, digest.digest as u64);
        put_number(&mut out, (digest.digest >> 64) as u64);
        put_number(&mut out, digest.records);
        out.push(u8::from(recount));
        put_number(&mut out, partial.len() as u64);
        for key in partial {
            out.extend_from_slice(&key.0);
        }
        glimpses.encode(vectors.contiguous(), now, &mut out);
        out
    }

    pub(super) fn decode(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(Bytes::from(bytes));
        if reader.byte()? != VERSION {
            return Err(Malformed);
        }
        let vectors = Vectors::decode(&mut reader)?;
        let (low, high) = (reader.number()?, reader.number()?);
        let records = reader.number()?;
        let digest = PartitionDigest { digest: u128::from(high) << 64 | u128::from(low), records };
        let recount = reader.byte()? != 0;
        let mut partial = BTreeSet::new();
        for _ in 0..reader.number()? {
            partial.insert(reader.key()?);
        }
        let glimpses = Glimpses::decode(&mut reader)?;
        if !reader.is_empty() {
            return Err(Malformed);
        }
        Ok(Self { vectors, digest, recount, partial, glimpses })
    }
}
