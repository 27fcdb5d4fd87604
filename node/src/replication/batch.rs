//! The encoding of log entries between nodes.
//!
//! ```text
//! batch   = head raw_bytes? body          body is a zstd frame if head says so
//! head    = 1 byte: version (high 4 bits), relay, compressed, has_table
//! body    = table? entry*
//! table   = count (replica incarnation)*  origins 1..; origin 0 is the sender
//! entry   = flags seq key? length? fragment
//! flags   = varint: origin << 3 | same_key << 2 | last << 1 | ack
//! ```
//!
//! All numbers are varints. `seq` is the difference to the batch's previous
//! entry of the same origin and partition (zigzag), or absolute for the first
//! one; the partition follows from the key. `same_key` repeats the key of the
//! entry before. The fragment of the `last` entry runs to the end, so that a
//! lone entry of a link's own sender costs 2 bytes + seq + key + fragment.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::varint::{self, ReadError, Reader};
use crate::engine::LogEntry;
use crate::session::{Key, Origin, Partition, ReplicaId};

const VERSION: u8 = 1;
const RELAY: u8 = 1;
const COMPRESSED: u8 = 2;
const HAS_TABLE: u8 = 4;

const ACK: u64 = 1;
const LAST: u64 = 2;
const SAME_KEY: u64 = 4;
const ORIGIN_SHIFT: u32 = 3;

/// Fastest; higher levels gain little on data this short.
const COMPRESSION_LEVEL: i32 = 1;

/// What both sides of a link know beforehand.
#[derive(Clone, Copy, Debug)]
pub struct BatchContext {
    /// The sending node's current start.
    pub sender: Origin,
    /// The cluster's number of partitions.
    pub partition_count: u32,
}

/// What a receiver accepts.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Bytes of one batch after decompression.
    pub raw_bytes_max: usize,
    /// Entries of one batch.
    pub entries_max: usize,
}

/// Why a batch was refused. Nothing of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// A newer node's encoding.
    #[error("the batch has version {0}, this node reads version {VERSION}")]
    Version(u8),
    /// It ends too early or a number does not fit.
    #[error("the batch is malformed")]
    Malformed,
    /// It is bigger than the receiver accepts.
    #[error("the batch has {actual} {what}, at most {limit} are accepted")]
    TooBig {
        /// Bytes or entries.
        what: &'static str,
        /// As received.
        actual: u64,
        /// The limit.
        limit: usize,
    },
}

impl From<ReadError> for BatchError {
    fn from(_: ReadError) -> Self {
        Self::Malformed
    }
}

/// A decoded batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedBatch {
    /// The receiver passes the entries on to the other replicas of its region.
    pub relay: bool,
    /// In the order sent.
    pub entries: Vec<LogEntry>,
}

/// Encodes entries; compresses when the body has at least `compress_bytes_min`
/// bytes and becomes smaller by it.
#[must_use]
pub fn encode(
    entries: &[Arc<LogEntry>],
    relay: bool,
    context: BatchContext,
    compress_bytes_min: usize,
) -> Vec<u8> {
    let (has_table, body) = encode_body(entries, context);
    let mut head = VERSION << 4;
    head |= if relay { RELAY } else { 0 };
    head |= if has_table { HAS_TABLE } else { 0 };
    if body.len() >= compress_bytes_min
        && let Ok(packed) = zstd::bulk::compress(&body, COMPRESSION_LEVEL)
        && packed.len() + 4 < body.len()
    {
        let mut out = Vec::with_capacity(packed.len() + 5);
        out.push(head | COMPRESSED);
        varint::put(&mut out, body.len() as u64);
        out.extend_from_slice(&packed);
        return out;
    }
    let mut out = Vec::with_capacity(body.len() + 1);
    out.push(head);
    out.extend_from_slice(&body);
    out
}

fn encode_body(entries: &[Arc<LogEntry>], context: BatchContext) -> (bool, Vec<u8>) {
    let origins = origin_table(entries, context.sender);
    let bytes: usize = entries.iter().map(|entry| entry.fragment.len() + 24).sum();
    let mut out = Vec::with_capacity(bytes + origins.len() * 4);
    let has_table = origins.len() > 1;
    if has_table {
        put_table(&mut out, &origins);
    }
    let mut seqs = BTreeMap::new();
    let mut key_before = None;
    for (position, entry) in entries.iter().enumerate() {
        let origin = origins.get(&entry.origin).copied().unwrap_or_default();
        let last = position + 1 == entries.len();
        let same_key = key_before == Some(entry.key);
        let mut flags = origin << ORIGIN_SHIFT;
        flags |= if entry.ack { ACK } else { 0 };
        flags |= if last { LAST } else { 0 };
        flags |= if same_key { SAME_KEY } else { 0 };
        varint::put(&mut out, flags);
        let partition = entry.key.partition(context.partition_count);
        match seqs.insert((origin, partition), entry.seq) {
            Some(before) => varint::put(&mut out, varint::zigzag(entry.seq.wrapping_sub(before) as i64)),
            None => varint::put(&mut out, entry.seq),
        }
        if !same_key {
            out.extend_from_slice(&entry.key.0);
        }
        if !last {
            varint::put(&mut out, entry.fragment.len() as u64);
        }
        out.extend_from_slice(&entry.fragment);
        key_before = Some(entry.key);
    }
    (has_table, out)
}

/// Numbers the origins by first appearance; the sender is always 0.
fn origin_table(entries: &[Arc<LogEntry>], sender: Origin) -> BTreeMap<Origin, u64> {
    let mut origins = BTreeMap::from([(sender, 0)]);
    for entry in entries {
        let next = origins.len() as u64;
        origins.entry(entry.origin).or_insert(next);
    }
    origins
}

fn put_table(out: &mut Vec<u8>, origins: &BTreeMap<Origin, u64>) {
    let mut by_number: Vec<_> = origins.iter().filter(|(_, number)| **number > 0).collect();
    by_number.sort_by_key(|(_, number)| **number);
    varint::put(out, by_number.len() as u64);
    for (origin, _) in by_number {
        varint::put(out, u64::from(origin.replica.0));
        varint::put(out, u64::from(origin.incarnation));
    }
}

/// Decodes a batch. Never panics; allocates at most the limit's order of bytes.
pub fn decode(bytes: Bytes, context: BatchContext, limits: BatchLimits) -> Result<DecodedBatch, BatchError> {
    let mut reader = Reader::new(bytes);
    let head = reader.byte()?;
    if head >> 4 != VERSION {
        return Err(BatchError::Version(head >> 4));
    }
    let body = if head & COMPRESSED == 0 { reader.rest() } else { decompress(&mut reader, limits)? };
    check("bytes", body.len() as u64, limits.raw_bytes_max)?;
    let mut reader = Reader::new(body);
    let mut origins = vec![context.sender];
    if head & HAS_TABLE != 0 {
        read_table(&mut reader, &mut origins)?;
    }
    let entries = read_entries(&mut reader, &origins, context, limits)?;
    Ok(DecodedBatch { relay: head & RELAY != 0, entries })
}

fn check(what: &'static str, actual: u64, limit: usize) -> Result<(), BatchError> {
    if actual > limit as u64 { Err(BatchError::TooBig { what, actual, limit }) } else { Ok(()) }
}

fn decompress(reader: &mut Reader, limits: BatchLimits) -> Result<Bytes, BatchError> {
    let raw_bytes = reader.varint()?;
    check("bytes", raw_bytes, limits.raw_bytes_max)?;
    let capacity = usize::try_from(raw_bytes).map_err(|_| BatchError::Malformed)?;
    let raw = zstd::bulk::decompress(&reader.rest(), capacity).map_err(|_| BatchError::Malformed)?;
    if raw.len() == capacity { Ok(Bytes::from(raw)) } else { Err(BatchError::Malformed) }
}

fn read_table(reader: &mut Reader, origins: &mut Vec<Origin>) -> Result<(), BatchError> {
    let count: usize = reader.number()?;
    // Each takes two bytes at least, so the count cannot make us allocate more than was sent.
    if count > reader.remaining() / 2 {
        return Err(BatchError::Malformed);
    }
    for _ in 0..count {
        let replica = ReplicaId(reader.number()?);
        origins.push(Origin { replica, incarnation: reader.number()? });
    }
    Ok(())
}

fn read_entries(
    reader: &mut Reader,
    origins: &[Origin],
    context: BatchContext,
    limits: BatchLimits,
) -> Result<Vec<LogEntry>, BatchError> {
    let mut entries: Vec<LogEntry> = Vec::new();
    let mut seqs: BTreeMap<(Origin, Partition), u64> = BTreeMap::new();
    while !reader.is_empty() {
        check("entries", entries.len() as u64 + 1, limits.entries_max)?;
        let flags = reader.varint()?;
        let number = usize::try_from(flags >> ORIGIN_SHIFT).map_err(|_| BatchError::Malformed)?;
        let origin = *origins.get(number).ok_or(BatchError::Malformed)?;
        let seq_field = reader.varint()?;
        let key = match entries.last() {
            Some(before) if flags & SAME_KEY != 0 => before.key,
            None if flags & SAME_KEY != 0 => return Err(BatchError::Malformed),
            _ => read_key(reader)?,
        };
        let partition = key.partition(context.partition_count);
        let seq = match seqs.get(&(origin, partition)) {
            Some(before) => before.wrapping_add(varint::unzigzag(seq_field) as u64),
            None => seq_field,
        };
        if seq == 0 {
            return Err(BatchError::Malformed);
        }
        seqs.insert((origin, partition), seq);
        let fragment = if flags & LAST != 0 {
            reader.rest()
        } else {
            let length = reader.number()?;
            reader.take(length)?
        };
        entries.push(LogEntry { origin, seq, key, ack: flags & ACK != 0, fragment });
    }
    Ok(entries)
}

fn read_key(reader: &mut Reader) -> Result<Key, BatchError> {
    let bytes = reader.take(16)?;
    <[u8; 16]>::try_from(&bytes[..]).map(Key).map_err(|_| BatchError::Malformed)
}

#[cfg(test)]
mod tests;
