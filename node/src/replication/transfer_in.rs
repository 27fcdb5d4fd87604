//! Taking a partition over from a peer.

use bytes::Bytes;
use sojourn_proto::replication::v1 as pb;

use super::fetch::FetchError;
use super::seam::Replica;
use super::vectors;
use crate::engine::Covered;
use crate::session::{Dot, Key, Partition, VersionVector};

/// Entries of one origin that are confirmed after a transfer: nobody waits for more at a time.
const CONFIRMED_MAX: u64 = 1_024;

/// A transfer that is being received.
pub struct TransferIn<'a> {
    replica: &'a dyn Replica,
    partition: Partition,
    before: VersionVector,
}

impl<'a> TransferIn<'a> {
    /// Begins to receive a partition.
    #[must_use]
    pub fn new(replica: &'a dyn Replica, partition: Partition) -> Self {
        Self { replica, partition, before: replica.vector(partition) }
    }

    /// Merges one chunk. After the last, once all of it is on the disk, says which
    /// entries came in it: they will not come as such any more, and their origins
    /// may wait for a confirmation.
    ///
    /// # Errors
    /// The chunk is malformed, or the engine could not take it.
    pub async fn take(&self, chunk: pb::TransferChunk) -> Result<Option<Vec<(Partition, Dot)>>, FetchError> {
        let states = pairs(chunk.keys_and_states)?;
        let decode = |vector| vectors::decode_one(vector, self.partition).map_err(|_| FetchError::Malformed);
        let seen = decode(chunk.seen)?;
        let covered = match chunk.last {
            true => Covered::Partition { whole: decode(chunk.vector)?, seen },
            false => Covered::Unknown { seen },
        };
        self.replica.merge_states(self.partition, states, covered).await?;
        if !chunk.last {
            return Ok(None);
        }
        self.replica.persist().await?;
        Ok(Some(self.brought()))
    }

    fn brought(&self) -> Vec<(Partition, Dot)> {
        let held = self.replica.vector(self.partition);
        let newest = held.dots.into_iter().flat_map(|(origin, last)| {
            let first = self.before.get(&origin).max(last.saturating_sub(CONFIRMED_MAX)) + 1;
            (first..=last).map(move |seq| (self.partition, Dot { origin, seq }))
        });
        newest.collect()
    }
}

fn pairs(keys_and_states: Vec<Bytes>) -> Result<Vec<(Key, Bytes)>, FetchError> {
    let mut pairs = Vec::with_capacity(keys_and_states.len() / 2);
    let mut items = keys_and_states.into_iter();
    while let Some(key) = items.next() {
        let key = <[u8; 16]>::try_from(&key[..]).map_err(|_| FetchError::Malformed)?;
        pairs.push((Key(key), items.next().ok_or(FetchError::Malformed)?));
    }
    Ok(pairs)
}
