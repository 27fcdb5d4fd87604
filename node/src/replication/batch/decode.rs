//! Reads batches.

use bytes::Bytes;

use super::history::History;
use super::{
    ACK, BatchContext, BatchError, BatchLimits, COMPRESSED, DecodedBatch, HAS_TABLE, LAST, ORIGIN_SHIFT,
    RELAY, SAME_KEY, SHAPED, VERSION, own,
};
use crate::engine::LogEntry;
use crate::replication::varint::{self, Reader};
use crate::session::codec::split;
use crate::session::{Key, Origin, ReplicaId};

/// Decodes the batches of one direction of a link, in the order in which they
/// were sent. After a refusal the link must be closed.
pub struct Decoder {
    context: BatchContext,
    history: History,
}

impl Decoder {
    /// For a new link.
    #[must_use]
    pub fn new(context: BatchContext) -> Self {
        Self { context, history: History::default() }
    }

    /// Decodes a batch. Never panics; allocates at most the limit's order of bytes.
    ///
    /// # Errors
    /// [`BatchError`] if it is beyond `limits` or malformed.
    pub fn decode(&mut self, bytes: Bytes, limits: BatchLimits) -> Result<DecodedBatch, BatchError> {
        let mut reader = Reader::new(bytes);
        let head = reader.byte()?;
        if head >> 4 != VERSION {
            return Err(BatchError::Version(head >> 4));
        }
        let body = if head & COMPRESSED == 0 { reader.rest() } else { decompress(&mut reader, limits)? };
        check("bytes", body.len() as u64, limits.raw_bytes_max)?;
        let mut reader = Reader::new(body);
        let mut origins = vec![self.context.sender];
        if head & HAS_TABLE != 0 {
            read_table(&mut reader, &mut origins)?;
        }
        let entries = self.entries(&mut reader, &origins, limits)?;
        Ok(DecodedBatch { relay: head & RELAY != 0, entries })
    }

    fn entries(
        &mut self,
        reader: &mut Reader,
        origins: &[Origin],
        limits: BatchLimits,
    ) -> Result<Vec<LogEntry>, BatchError> {
        let heads = read_heads(reader, origins, limits)?;
        let keys = read_keys(reader, &heads)?;
        let mut entries = Vec::with_capacity(heads.len());
        let mut fragments_bytes = 0;
        for (head, key) in heads.into_iter().zip(keys) {
            let entry = self.entry(reader, &head, key)?;
            // What a shape adds is not in the body, so it is counted here.
            fragments_bytes += entry.fragment.len() as u64;
            check("bytes", fragments_bytes, limits.raw_bytes_max)?;
            entries.push(entry);
        }
        if reader.is_empty() { Ok(entries) } else { Err(BatchError::Malformed) }
    }

    fn entry(&mut self, reader: &mut Reader, head: &Head, key: Key) -> Result<LogEntry, BatchError> {
        let origin = head.origin;
        let partition = key.partition(self.context.partition_count);
        let counted = if planted!(DecoderMixesOrigins) { self.context.sender } else { origin };
        let seq = self.history.seq(counted, partition).wrapping_add(head.seq_difference);
        if seq == 0 {
            return Err(BatchError::Malformed);
        }
        self.history.replace_seq(origin, partition, seq);
        let fragment = match head.shape {
            Some(shape) => self.filled(reader, shape, seq, head.length)?,
            None => {
                let length = head.length.unwrap_or(reader.remaining());
                self.plain(reader.take(length)?, seq)
            }
        };
        Ok(LogEntry { origin, seq, key, ack: head.flags & ACK != 0, fragment })
    }

    fn filled(
        &mut self,
        reader: &mut Reader,
        shape: u64,
        seq: u64,
        length: Option<usize>,
    ) -> Result<Bytes, BatchError> {
        let shape = self.history.shape(shape).ok_or(BatchError::Malformed)?;
        let own = own::read(reader, shape, seq, self.history.stamp, length)?;
        let fragment = shape.fill(&own);
        self.history.stamp = own.stamp;
        Ok(fragment)
    }

    fn plain(&mut self, fragment: Bytes, seq: u64) -> Bytes {
        if let Some((shape, own)) = split(&fragment, seq) {
            self.history.stamp = own.stamp;
            self.history.learn(shape);
        }
        fragment
    }
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

/// What stands in front of keys and contents.
struct Head {
    flags: u64,
    origin: Origin,
    seq_difference: u64,
    shape: Option<u64>,
    /// None: to the end.
    length: Option<usize>,
}

fn read_heads(reader: &mut Reader, origins: &[Origin], limits: BatchLimits) -> Result<Vec<Head>, BatchError> {
    let mut heads: Vec<Head> = Vec::new();
    while !reader.is_empty() && heads.last().is_none_or(|head| head.flags & LAST == 0) {
        check("entries", heads.len() as u64 + 1, limits.entries_max)?;
        let flags = reader.varint()?;
        let number = usize::try_from(flags >> ORIGIN_SHIFT).map_err(|_| BatchError::Malformed)?;
        let origin = *origins.get(number).ok_or(BatchError::Malformed)?;
        let seq_difference = varint::unzigzag(reader.varint()?) as u64;
        let shape = if flags & SHAPED != 0 { Some(reader.varint()?) } else { None };
        let length = if flags & LAST != 0 { None } else { Some(reader.number()?) };
        heads.push(Head { flags, origin, seq_difference, shape, length });
    }
    Ok(heads)
}

fn read_keys(reader: &mut Reader, heads: &[Head]) -> Result<Vec<Key>, BatchError> {
    let mut keys: Vec<Key> = Vec::with_capacity(heads.len());
    for head in heads {
        let key = match keys.last() {
            Some(before) if head.flags & SAME_KEY != 0 => *before,
            None if head.flags & SAME_KEY != 0 => return Err(BatchError::Malformed),
            _ => <[u8; 16]>::try_from(&reader.take(16)?[..]).map(Key).map_err(|_| BatchError::Malformed)?,
        };
        keys.push(key);
    }
    Ok(keys)
}
