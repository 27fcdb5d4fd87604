//! The encoding of version vectors between nodes, and the hash that compares them.
//!
//! ```text
//! vectors   = origin_count (replica incarnation)* partition*
//! partition = number count (origin seq)*
//! ```
//!
//! All numbers are varints; `origin` indexes the table at the front.

use std::collections::BTreeMap;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::varint::{self, ReadError, Reader};
use crate::session::{Origin, Partition, ReplicaId, VersionVector};

/// Version vectors by partition.
pub type PartitionVectors = BTreeMap<Partition, VersionVector>;

/// Version vectors that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the version vectors are malformed")]
pub struct VectorsError;

impl From<ReadError> for VectorsError {
    fn from(_: ReadError) -> Self {
        Self
    }
}

/// Encodes version vectors; equal vectors give equal bytes.
#[must_use]
pub fn encode(vectors: &PartitionVectors) -> Vec<u8> {
    let mut origins: BTreeMap<Origin, u64> = BTreeMap::new();
    for origin in vectors.values().flat_map(|vector| vector.dots.keys()) {
        origins.insert(*origin, 0);
    }
    let mut out = Vec::with_capacity(vectors.len() * 16);
    varint::put(&mut out, origins.len() as u64);
    for (number, (origin, slot)) in origins.iter_mut().enumerate() {
        *slot = number as u64;
        varint::put(&mut out, u64::from(origin.replica.0));
        varint::put(&mut out, u64::from(origin.incarnation));
    }
    for (partition, vector) in vectors {
        varint::put(&mut out, u64::from(partition.0));
        varint::put(&mut out, vector.dots.len() as u64);
        for (origin, seq) in &vector.dots {
            varint::put(&mut out, origins.get(origin).copied().unwrap_or_default());
            varint::put(&mut out, *seq);
        }
    }
    out
}

/// Decodes version vectors. Allocates in proportion to what was sent.
pub fn decode(bytes: Bytes) -> Result<PartitionVectors, VectorsError> {
    let mut reader = Reader::new(bytes);
    let count: usize = reader.number()?;
    if count > reader.remaining() / 2 {
        return Err(VectorsError);
    }
    let mut origins = Vec::with_capacity(count);
    for _ in 0..count {
        let replica = ReplicaId(reader.number()?);
        origins.push(Origin { replica, incarnation: reader.number()? });
    }
    let mut vectors = PartitionVectors::new();
    while !reader.is_empty() {
        let partition = Partition(reader.number()?);
        let vector = vectors.entry(partition).or_default();
        for _ in 0..reader.varint()? {
            let origin = origins.get(reader.number::<usize>()?).ok_or(VectorsError)?;
            vector.dots.insert(*origin, reader.varint()?);
        }
    }
    Ok(vectors)
}

/// Encodes the vector of one partition.
#[must_use]
pub fn encode_one(partition: Partition, vector: &VersionVector) -> Vec<u8> {
    encode(&BTreeMap::from([(partition, vector.clone())]))
}

/// Decodes the vector of one partition; empty bytes are an empty vector.
pub fn decode_one(bytes: Bytes, partition: Partition) -> Result<VersionVector, VectorsError> {
    if bytes.is_empty() {
        return Ok(VersionVector::default());
    }
    decode(bytes)?.remove(&partition).ok_or(VectorsError)
}

/// Equal vectors have equal hashes; others differ but for an accident of one in 2^64 exchanges.
#[must_use]
pub fn hash(vectors: &PartitionVectors) -> u128 {
    xxh3_128(&encode(vectors))
}
