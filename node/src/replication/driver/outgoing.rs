//! What a link sends: what has piled up becomes one batch, nothing waits for more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::Stream;
use prost::Message as _;
use sojourn_proto::replication::v1 as pb;
use sojourn_proto::replication::v1::frame::Kind;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::wire;
use crate::engine::LogEntry;
use crate::replication::batch;
use crate::replication::core::Message;

/// gRPC's message prefix and HTTP/2's frame header, in bytes.
pub(super) const FRAMING_BYTES: u64 = 5 + 9;

/// Something to send on a link.
pub(super) enum Outgoing {
    Entries { entries: Vec<Arc<LogEntry>>, relay: bool },
    Message(Message),
}

/// How one link sends.
pub(super) struct Sending {
    pub(super) encoder: batch::Encoder,
    pub(super) entries_max: usize,
    pub(super) bytes_max: usize,
    pub(super) compress_bytes_min: usize,
    /// Counts what is sent to another region.
    pub(super) wan_sent_bytes: Option<Arc<AtomicU64>>,
}

struct State {
    queue: mpsc::Receiver<Outgoing>,
    /// Taken from the queue, did not fit the batch before it.
    next: Option<Outgoing>,
    sending: Sending,
    closed: CancellationToken,
}

/// The frames of a link, `first` before all others; ends when the link is closed.
pub(super) fn frames(
    first: pb::Frame,
    queue: mpsc::Receiver<Outgoing>,
    sending: Sending,
    closed: CancellationToken,
) -> impl Stream<Item = pb::Frame> + Send + 'static {
    let state = State { queue, next: None, sending, closed };
    let rest = futures::stream::unfold(state, |mut state| async move {
        let frame = state.next_frame().await?;
        if let Some(sent) = &state.sending.wan_sent_bytes {
            sent.fetch_add(frame.encoded_len() as u64 + FRAMING_BYTES, Ordering::Relaxed);
        }
        Some((frame, state))
    });
    futures::StreamExt::chain(futures::stream::iter([first]), rest)
}

impl State {
    async fn next_frame(&mut self) -> Option<pb::Frame> {
        let outgoing = match self.next.take() {
            Some(next) => next,
            None => tokio::select! {
                () = self.closed.cancelled() => return None,
                outgoing = self.queue.recv() => outgoing?,
            },
        };
        Some(match outgoing {
            Outgoing::Message(message) => wire::encode(message),
            Outgoing::Entries { entries, relay } => self.batch(entries, relay),
        })
    }

    fn batch(&mut self, mut entries: Vec<Arc<LogEntry>>, relay: bool) -> pb::Frame {
        let cost = |entries: &[Arc<LogEntry>]| -> usize {
            entries.iter().map(|entry| entry.fragment.len() + 24).sum()
        };
        let mut bytes = cost(&entries);
        while let Ok(outgoing) = self.queue.try_recv() {
            match outgoing {
                Outgoing::Entries { entries: more, relay: alike }
                    if alike == relay
                        && bytes + cost(&more) <= self.sending.bytes_max
                        && entries.len() + more.len() <= self.sending.entries_max =>
                {
                    bytes += cost(&more);
                    entries.extend(more);
                }
                other => {
                    self.next = Some(other);
                    break;
                }
            }
        }
        let compress_bytes_min = self.sending.compress_bytes_min;
        let bytes = self.sending.encoder.encode(&entries, relay, compress_bytes_min);
        wire::frame(Kind::Batch(bytes.into()))
    }
}
