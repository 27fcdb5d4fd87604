//! Cursors of the change feed: how far a reader has come in one partition.
//!
//! A cursor is `version (1 byte), expiry frontier (milliseconds as a varint, key as 16
//! bytes), then what was told as a causal token`. Version 1 is below. The key is that
//! of the last session told as expired: it is of no use as an id.

use bytes::Bytes;
use sojourn_proto::feed::v1 as pb;

use crate::api::causal::{CausalToken, put, take};
use crate::api::status::{Failure, Reason};
use crate::feed::{Frontier, Progress};
use crate::session::{Key, Partition};

const VERSION: u8 = 1;

/// Longest cursor that is read, in bytes; one of 1 000 origins takes about 8 000.
const CURSOR_BYTES_MAX: usize = 16 * 1024;

/// A place in the feed of one partition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cursor {
    pub(super) progress: Progress,
    pub(super) expired: Frontier,
}

impl Cursor {
    /// For a message.
    pub(super) fn encode(
        partition: Partition,
        progress: &Progress,
        expired: Frontier,
    ) -> pb::PartitionCursor {
        let mut cursor = vec![VERSION];
        put(&mut cursor, expired.ms);
        cursor.extend_from_slice(&expired.key.0);
        cursor.extend_from_slice(&CausalToken::encode(partition, progress.vector()));
        pb::PartitionCursor { partition: partition.0.into(), cursor: Bytes::from(cursor) }
    }

    /// From a request.
    ///
    /// # Errors
    /// [`Reason::MalformedCursor`] if it was not made by `encode` for this partition.
    pub(super) fn decode(partition: Partition, cursor: &[u8]) -> Result<Self, Failure> {
        read(partition, cursor).ok_or_else(|| {
            let message = format!("the cursor is not one of this feed for partition {}", partition.0);
            let failure = Failure::new(Reason::MalformedCursor, message).with("field", "cursors");
            failure.with("partition", partition.0)
        })
    }
}

fn read(partition: Partition, cursor: &[u8]) -> Option<Cursor> {
    if cursor.len() > CURSOR_BYTES_MAX {
        return None;
    }
    let mut rest = cursor.strip_prefix(&[VERSION])?;
    let ms = take(&mut rest)?;
    let (key, token) = rest.split_first_chunk::<16>()?;
    let token = CausalToken::decode(token).ok().filter(|token| token.partition == partition)?;
    Some(Cursor { progress: Progress::after(token.vector), expired: Frontier { ms, key: Key(*key) } })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::{Origin, ReplicaId, VersionVector};

    fn example(seqs: &[u64], ms: u64) -> Cursor {
        let mut vector = VersionVector::new();
        for (number, seq) in seqs.iter().enumerate() {
            let origin = Origin { replica: ReplicaId(number as u16 + 1), incarnation: 7 };
            vector.dots.insert(origin, *seq);
        }
        Cursor { progress: Progress::after(vector), expired: Frontier { ms, key: Key([9; 16]) } }
    }

    proptest! {
        #[test]
        fn cursors_round_trip(number: u16, ms: u64, seqs in proptest::collection::vec(1u64.., 0..9)) {
            let (partition, cursor) = (Partition(number), example(&seqs, ms));
            let sent = Cursor::encode(partition, &cursor.progress, cursor.expired);
            prop_assert_eq!(sent.partition, u32::from(number));
            prop_assert_eq!(Cursor::decode(partition, &sent.cursor).unwrap(), cursor);
            let foreign = Cursor::decode(Partition(number ^ 1), &sent.cursor);
            prop_assert_eq!(foreign.unwrap_err().reason(), Reason::MalformedCursor);
        }

        #[test]
        fn arbitrary_bytes_never_panic(number: u16, bytes: Vec<u8>) {
            let _ = Cursor::decode(Partition(number), &bytes);
        }

        #[test]
        fn a_cut_or_longer_cursor_is_refused(seqs in proptest::collection::vec(1u64.., 0..9), cut in 0usize..60) {
            let cursor = example(&seqs, 5);
            let mut sent = Cursor::encode(Partition(3), &cursor.progress, cursor.expired).cursor.to_vec();
            let cut = cut.min(sent.len() - 1);
            prop_assert!(Cursor::decode(Partition(3), &sent[..cut]).is_err());
            sent.push(0);
            prop_assert!(Cursor::decode(Partition(3), &sent).is_err());
        }
    }

    #[test]
    fn a_cursor_beyond_the_limit_is_refused() {
        let seqs = vec![u64::MAX; 2_000];
        let cursor = example(&seqs, 5);
        let sent = Cursor::encode(Partition(3), &cursor.progress, cursor.expired).cursor;
        assert!(sent.len() > CURSOR_BYTES_MAX && Cursor::decode(Partition(3), &sent).is_err());
    }
}
