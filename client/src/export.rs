//! Copies of a namespace: handed out partition by partition, and taken in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sojourn_proto::export::v1 as pb;
use tonic::Streaming;

use crate::client::{Client, Inner};
use crate::error::{Error, from_unary};

/// Most records of one call of an import.
const RECORDS_MAX: usize = 1_024;

/// Attempts of one step, one node after the other.
const ATTEMPTS_MAX: u32 = 8;

/// A running export; see [`Client::export`]. It is pulled: while nobody asks for more the
/// nodes hold nothing for it. A stream that broke is taken up at another node where it was.
pub struct Export {
    inner: Arc<Inner>,
    namespace: String,
    /// How many partitions are done; the global one comes first.
    done: u32,
    after_key: Bytes,
    stream: Option<Streaming<pb::ExportChunk>>,
    attempts: u32,
}

impl Client {
    /// The live sessions of a namespace, its policy and its principals, as the nodes hold them:
    /// for [`Self::import`]. What is written meanwhile may be in it or not.
    #[must_use]
    pub fn export(&self, namespace: &str) -> Export {
        Export {
            inner: self.inner.clone(),
            namespace: namespace.to_owned(),
            done: 0,
            after_key: Bytes::new(),
            stream: None,
            attempts: 0,
        }
    }

    /// Takes a chunk of an export in, and says what came of its records. They are merged
    /// like any other write: taking them in twice is taking them in once, what was written
    /// since stays, and a session that has been ended stays ended.
    ///
    /// # Errors
    /// [`Error::Server`] with the reason `FOREIGN_CLUSTER_KEY` if the export is of a cluster
    /// with another key; otherwise no node could be reached or took the records in. Then some
    /// of them may have been taken in, and the same chunk may be brought again.
    pub async fn import(&self, namespace: &str, chunk: pb::ExportChunk) -> Result<pb::ImportResponse, Error> {
        let mut by_partition: BTreeMap<u32, Vec<pb::ExportedRecord>> = BTreeMap::new();
        for record in chunk.records {
            let leading =
                record.key.get(..2).and_then(|two| <[u8; 2]>::try_from(two).ok()).unwrap_or_default();
            by_partition.entry(self.inner.partition_of_leading(leading)).or_default().push(record);
        }
        let mut taken = pb::ImportResponse::default();
        for (partition, records) in by_partition {
            for records in records.chunks(RECORDS_MAX) {
                let request = pb::ImportRequest {
                    namespace: namespace.to_owned(),
                    lineage: chunk.lineage.clone(),
                    fingerprint: chunk.fingerprint.clone(),
                    records: records.to_vec(),
                };
                taken.add(&self.import_into(partition, &request).await?);
            }
        }
        Ok(taken)
    }

    async fn import_into(
        &self,
        partition: u32,
        request: &pb::ImportRequest,
    ) -> Result<pb::ImportResponse, Error> {
        let mut attempt = 0;
        loop {
            let error = match self.inner.export_at(partition, attempt) {
                Some(mut node) => {
                    let mut message = tonic::Request::new(request.clone());
                    message.set_timeout(self.inner.step_timeout());
                    match self.limited(node.import(message)).await {
                        Ok(taken) => return Ok(taken),
                        Err(error) => error,
                    }
                }
                None => Error::unavailable("the layout names no node that holds the partition"),
            };
            attempt += 1;
            self.inner.pause_export(attempt, error).await?;
        }
    }
}

impl Export {
    /// How many partitions are done, and how many there are.
    #[must_use]
    pub fn progress(&self) -> (u32, u32) {
        (self.done, self.inner.partition_count() + 1)
    }

    /// The next records; none at the end.
    ///
    /// # Errors
    /// The nodes refuse, or none that holds the partition could be reached. Then the export
    /// is not whole; it may be asked again for the next records.
    pub async fn next(&mut self) -> Result<Option<pb::ExportChunk>, Error> {
        loop {
            let (done, all) = self.progress();
            if done >= all {
                return Ok(None);
            }
            match self.step().await {
                Ok(Some(chunk)) => {
                    self.attempts = 0;
                    if let Some(record) = chunk.records.last() {
                        self.after_key = record.key.clone();
                    }
                    if chunk.last {
                        self.done += 1;
                        (self.stream, self.after_key) = (None, Bytes::new());
                    }
                    return Ok(Some(chunk));
                }
                // Only the last chunk ends a partition: the node is stopping.
                Ok(None) => self.broken(Error::unavailable("the export ended before its end")).await?,
                Err(error) => self.broken(error).await?,
            }
        }
    }

    async fn step(&mut self) -> Result<Option<pb::ExportChunk>, Error> {
        let limit = self.inner.step_timeout();
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                // The global one first, so that policies hold before sessions come.
                let partition = self.done.checked_sub(1).unwrap_or_else(|| self.inner.partition_count());
                let unknown = || Error::unavailable("the layout names no node that holds the partition");
                let mut node = self.inner.export_at(partition, self.attempts).ok_or_else(unknown)?;
                let request = pb::ExportRequest {
                    namespace: self.namespace.clone(),
                    partition,
                    after_key: self.after_key.clone(),
                };
                none.insert(within(limit, node.export(request)).await?.into_inner())
            }
        };
        within(limit, stream.message()).await
    }

    async fn broken(&mut self, error: Error) -> Result<(), Error> {
        self.stream = None;
        self.attempts += 1;
        self.inner.pause_export(self.attempts, error).await
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, tonic::Status>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(|status| from_unary(&status)),
        Err(_) => Err(Error::DeadlineExceeded),
    }
}

impl Inner {
    fn step_timeout(&self) -> Duration {
        Duration::from_millis(self.config.request_timeout_ms.into())
    }

    /// Waits before the next attempt at an export or import: both may be repeated.
    async fn pause_export(&self, attempt: u32, error: Error) -> Result<(), Error> {
        let is_passing = error.is_retryable() || matches!(error, Error::DeadlineExceeded);
        if !is_passing || attempt >= ATTEMPTS_MAX {
            return Err(error);
        }
        tokio::time::sleep(self.feed_pause(attempt, self.config.backoff_max_ms)).await;
        Ok(())
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("progress", &self.progress()).finish_non_exhaustive()
    }
}
