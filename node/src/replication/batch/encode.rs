//! Writes batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::history::History;
use super::{
    ACK, BatchContext, COMPRESSED, HAS_TABLE, LAST, ORIGIN_SHIFT, RELAY, SAME_KEY, SHAPED, VERSION, own,
};
use crate::engine::LogEntry;
use crate::replication::varint;
use crate::session::Origin;
use crate::session::codec::split;

/// Fastest; higher levels gain little on data this short.
const COMPRESSION_LEVEL: i32 = 1;

/// Encodes the batches of one direction of a link, in the order in which they are sent.
pub struct Encoder {
    context: BatchContext,
    history: History,
}

impl Encoder {
    /// For a new link.
    #[must_use]
    pub fn new(context: BatchContext) -> Self {
        Self { context, history: History::default() }
    }

    /// Encodes entries; compresses when the body has at least `compress_bytes_min`
    /// bytes and becomes smaller by it.
    #[must_use]
    pub fn encode(&mut self, entries: &[Arc<LogEntry>], relay: bool, compress_bytes_min: usize) -> Vec<u8> {
        let (has_table, body) = self.body(entries);
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

    fn body(&mut self, entries: &[Arc<LogEntry>]) -> (bool, Vec<u8>) {
        let origins = origin_table(entries, self.context.sender);
        let bytes: usize = entries.iter().map(|entry| entry.fragment.len() + 24).sum();
        let mut out = Vec::with_capacity(bytes + origins.len() * 4);
        let has_table = origins.len() > 1;
        if has_table {
            put_table(&mut out, &origins);
        }
        let mut keys = Vec::with_capacity(entries.len() * 16);
        let mut contents = Vec::with_capacity(bytes);
        let mut key_before = None;
        for (position, entry) in entries.iter().enumerate() {
            let last = position + 1 == entries.len();
            let same_key = key_before.replace(entry.key) == Some(entry.key);
            let (shape, length) = self.content(&mut contents, entry);
            let mut flags = origins.get(&entry.origin).copied().unwrap_or_default() << ORIGIN_SHIFT;
            flags |= if entry.ack { ACK } else { 0 };
            flags |= if last { LAST } else { 0 };
            flags |= if same_key { SAME_KEY } else { 0 };
            flags |= if shape.is_some() { SHAPED } else { 0 };
            varint::put(&mut out, flags);
            let partition = entry.key.partition(self.context.partition_count);
            let before = self.history.replace_seq(entry.origin, partition, entry.seq);
            varint::put(&mut out, varint::zigzag(entry.seq.wrapping_sub(before) as i64));
            if let Some(shape) = shape {
                varint::put(&mut out, shape);
            }
            if !last {
                varint::put(&mut out, length as u64);
            }
            if !same_key {
                keys.extend_from_slice(&entry.key.0);
            }
        }
        out.extend_from_slice(&keys);
        out.extend_from_slice(&contents);
        (has_table, out)
    }

    /// Appends the fragment, or the own part of one whose shape is known. Gives
    /// the shape's number and what the head says of the length.
    fn content(&mut self, out: &mut Vec<u8>, entry: &LogEntry) -> (Option<u64>, usize) {
        if let Some((shape, own)) = split(&entry.fragment, entry.seq) {
            let before = std::mem::replace(&mut self.history.stamp, own.stamp);
            if let Some(number) = self.history.number(&shape) {
                own::put(out, &shape, &own, before);
                return (Some(number), own.values.last().map(Bytes::len).unwrap_or_default());
            }
            self.history.learn(shape);
        }
        out.extend_from_slice(&entry.fragment);
        (None, entry.fragment.len())
    }
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
