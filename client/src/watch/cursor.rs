//! Where a feed stands, to be kept over a restart.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use prost::Message;
use sojourn_proto::feed::v1 as pb;
use thiserror::Error;

const VERSION: u8 = 1;

/// Longest cursor that is read, in bytes.
const CURSOR_BYTES_MAX: usize = 64 << 20;

/// A place in a feed: for each partition what has been told. Opaque, and no secret;
/// good at every node and region of the cluster.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WatchCursor {
    partitions: BTreeMap<u32, Bytes>,
}

/// The bytes are not a cursor.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a cursor of a feed of this version, or damaged")]
pub struct CursorError;

impl WatchCursor {
    pub(super) fn new(partitions: BTreeMap<u32, Bytes>) -> Self {
        Self { partitions }
    }

    pub(super) fn into_partitions(self) -> BTreeMap<u32, Bytes> {
        self.partitions
    }

    /// For a file or a database.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let cursor = |(partition, cursor): (&u32, &Bytes)| pb::PartitionCursor {
            partition: *partition,
            cursor: cursor.clone(),
        };
        let cursors = self.partitions.iter().map(cursor).collect();
        let mut bytes = vec![VERSION];
        // It fails only for want of room, of which a vector has enough.
        let _ = pb::WatchEvents { cursors, events: Vec::new() }.encode(&mut bytes);
        bytes.into()
    }

    /// As kept by [`Self::to_bytes`]. What a node does not understand of it, the feed
    /// answers with an error.
    ///
    /// # Errors
    /// The bytes are not a cursor.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CursorError> {
        let content = bytes.strip_prefix(&[VERSION]).filter(|content| content.len() <= CURSOR_BYTES_MAX);
        let message = pb::WatchEvents::decode(content.ok_or(CursorError)?).map_err(|_| CursorError)?;
        if !message.events.is_empty() {
            return Err(CursorError);
        }
        let cursors = message.cursors.into_iter();
        Ok(Self { partitions: cursors.map(|it| (it.partition, it.cursor)).collect() })
    }
}

impl fmt::Debug for WatchCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatchCursor({} partitions)", self.partitions.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nothing_else_is_taken_for_one() {
        let partitions = BTreeMap::from([(0, Bytes::from_static(&[1, 2])), (255, Bytes::new())]);
        let cursor = WatchCursor::new(partitions);
        let bytes = cursor.to_bytes();
        assert_eq!(WatchCursor::from_bytes(&bytes), Ok(cursor));
        for damaged in [&bytes[..bytes.len() - 1], &bytes[1..], &[], b"{}"] {
            assert_eq!(WatchCursor::from_bytes(damaged), Err(CursorError));
        }
    }
}
