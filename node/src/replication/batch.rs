//! The encoding of log entries between nodes.
//!
//! ```text
//! batch   = start raw_bytes? body         body is a zstd frame if start says so
//! start   = 1 byte: version (high 4 bits), relay, compressed, has_table
//! body    = table? head* key* content*
//! table   = count (replica incarnation)*  origins 1..; origin 0 is the sender
//! head    = flags seq shape? length?      one an entry
//! flags   = varint: origin << 4 | shaped << 3 | same_key << 2 | last << 1 | ack
//! content = fragment | own
//! ```
//!
//! All numbers are varints. `seq` is the difference to the link's previous
//! entry of the same origin and partition (zigzag), or to 0 for the first
//! one; the partition follows from the key. `same_key` has no key and repeats
//! the one before. `length` is that of the fragment, or of the own part's last
//! value; the `last` entry has none and runs to the end. The heads stand
//! together because they are alike: compression makes almost nothing of them.
//!
//! A fragment's shape travels once a link, in full: both ends remember it
//! (`history`). Later fragments of that shape are the shape's number and their
//! own part (`own`): a change of one short field by the link's own sender is
//! its value, its key and about ten bytes.

use super::varint::ReadError;
use crate::engine::LogEntry;
use crate::session::Origin;

mod decode;
mod encode;
mod history;
mod own;

pub use decode::Decoder;
pub use encode::Encoder;

const VERSION: u8 = 1;
const RELAY: u8 = 1;
const COMPRESSED: u8 = 2;
const HAS_TABLE: u8 = 4;

const ACK: u64 = 1;
const LAST: u64 = 2;
const SAME_KEY: u64 = 4;
const SHAPED: u64 = 8;
const ORIGIN_SHIFT: u32 = 4;

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

#[cfg(test)]
mod tests;
