//! Hands out the records of one partition.

use std::sync::Arc;

use bytes::Bytes;
use sojourn_proto::export::v1 as pb;
use tokio::sync::OwnedSemaphorePermit;

use super::super::handler::{Handler, Target};
use super::super::ids::check_namespace;
use super::super::status::{Failure, Reason};
use super::tag::Tagger;
use crate::session::{Key, Liveness, Partition, SecretHash, SessionView};

/// States of a chunk, in bytes; one state may be more.
const CHUNK_BYTES: usize = 512 * 1024;

/// Records of a chunk.
const CHUNK_RECORDS: usize = 1_024;

/// Records read at a time.
const SCAN_RECORDS: usize = 64;

/// One export of one partition. It reads on only when the caller has room for more.
pub(super) struct Giver {
    handler: Arc<Handler>,
    tagger: Arc<Tagger>,
    lineage: [u8; 16],
    namespace: String,
    partition: Partition,
    after: Option<Key>,
    is_over: bool,
    _permit: OwnedSemaphorePermit,
}

impl Giver {
    pub(super) fn new(
        handler: Arc<Handler>,
        tagger: Arc<Tagger>,
        lineage: [u8; 16],
        request: pb::ExportRequest,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, Failure> {
        check_namespace(&request.namespace)?;
        let partition =
            u16::try_from(request.partition).ok().filter(|_| request.partition <= handler.partition_count);
        let allowed = || Failure::field("partition", &format!("0 to {}", handler.partition_count));
        let partition = Partition(partition.ok_or_else(allowed)?);
        let after = match &request.after_key[..] {
            [] => None,
            key => Some(Key(<[u8; 16]>::try_from(key).map_err(|_| Failure::field("after_key", "16 bytes"))?)),
        };
        let namespace = request.namespace;
        Ok(Self { handler, tagger, lineage, namespace, partition, after, is_over: false, _permit: permit })
    }

    /// The next records; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<pb::ExportChunk>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        let mut chunk = pb::ExportChunk {
            lineage: Bytes::copy_from_slice(&self.lineage),
            fingerprint: Bytes::copy_from_slice(&self.tagger.fingerprint),
            ..pb::ExportChunk::default()
        };
        let mut bytes = 0;
        while bytes < CHUNK_BYTES && chunk.records.len() + SCAN_RECORDS <= CHUNK_RECORDS && !self.is_over {
            // What others would not be served is not handed out either.
            self.handler.refuse_if_unready()?;
            self.handler.holds(self.partition)?;
            let records = self.handler.engine.scan(self.partition, self.after, SCAN_RECORDS).await?;
            self.is_over = records.len() < SCAN_RECORDS;
            for (key, state) in records {
                self.after = Some(key);
                self.add(&mut chunk, key, &state).await?;
                bytes = chunk.records.iter().map(|record| record.state.len()).sum();
                if bytes >= CHUNK_BYTES {
                    self.is_over = false;
                    break;
                }
            }
        }
        chunk.last = self.is_over;
        self.handler.counters.add_exported(chunk.records.len() as u64);
        Ok(Some(chunk))
    }

    async fn add(&self, chunk: &mut pb::ExportChunk, key: Key, state: &Bytes) -> Result<(), Failure> {
        let view = SessionView::open(state, &self.handler.decode_limits)?;
        if view.namespace() != self.namespace {
            return Ok(());
        }
        let now_ms = self.handler.engine.trusted_wall_ms()?;
        if view.liveness(now_ms) == Liveness::Partial {
            chunk.incomplete += 1;
            return Ok(());
        }
        let target = Target { key, partition: self.partition, shown: SecretHash::FIRST };
        if !self.handler.is_live(target, state, now_ms).await? {
            return Ok(());
        }
        let tag = self.tagger.tag(&self.lineage, &key, state);
        chunk.records.push(pb::ExportedRecord {
            key: Bytes::copy_from_slice(&key.0),
            state: state.clone(),
            tag: Bytes::copy_from_slice(tag.as_bytes()),
        });
        Ok(())
    }
}

impl Handler {
    /// Refuses what concerns a partition that this node does not hold.
    pub(super) fn holds(&self, partition: Partition) -> Result<(), Failure> {
        if self.router.is_here(partition) {
            return Ok(());
        }
        let message = format!("this node does not hold partition {}; ask by the layout", partition.0);
        Err(Failure::new(Reason::PartitionMoved, message).with("partition", partition.0))
    }
}
