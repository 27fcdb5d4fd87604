//! Passing client calls on to a node that holds the session, many on one stream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use prost::Message as _;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{PipelineCall, PipelineReply, PipelineRequest, PipelineResponse};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tonic::Status;

use super::driver::{Replication, Shared};
use crate::session::ReplicaId;

/// Calls in one message.
const CALLS_MAX: usize = 256;

/// Answers calls that another node has passed on. They must not be passed on again.
pub trait ForwardHandler: Send + Sync + 'static {
    /// The answers to a stream of calls, in any order.
    fn answer(
        &self,
        calls: BoxStream<'static, Result<PipelineRequest, Status>>,
    ) -> BoxStream<'static, Result<PipelineResponse, Status>>;
}

/// A call could not be passed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// There is no link to that node now. Nothing was sent: another node may be asked.
    #[error("replica {0} cannot be reached")]
    Unreachable(ReplicaId),
    /// Too much is under way to that node. Nothing was sent.
    #[error("too many calls are under way to replica {0}")]
    Overloaded(ReplicaId),
    /// The stream broke; a write may or may not have happened.
    #[error("the connection to replica {0} broke while the call was under way")]
    Broken(ReplicaId),
    /// No answer in time; a write may or may not have happened.
    #[error("replica {replica} did not answer within {timeout_ms} ms")]
    Slow {
        /// Who was asked.
        replica: ReplicaId,
        /// How long it had.
        timeout_ms: u64,
    },
}

impl ForwardError {
    /// The call was certainly not made, so another node may be asked even for a write.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Overloaded(_))
    }
}

/// The streams to other nodes, opened on first use.
#[derive(Default)]
pub(super) struct Forwards {
    open: Mutex<BTreeMap<ReplicaId, Arc<Lane>>>,
}

/// One stream of calls to a node.
struct Lane {
    calls: mpsc::UnboundedSender<PipelineCall>,
    waiting: Mutex<Waiting>,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct Waiting {
    next_id: u64,
    replies: BTreeMap<u64, oneshot::Sender<Reply>>,
    broken: bool,
}

/// Stops waiting for a reply when the caller no longer does.
struct Pending<'a> {
    lane: &'a Lane,
    id: u64,
    _room: OwnedSemaphorePermit,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.lane.waiting.lock().replies.remove(&self.id);
    }
}

impl Replication {
    /// Passes a client's call on to another node, which does not pass it on again.
    ///
    /// # Errors
    /// Says whether the call may have been made; an answer that is an error of
    /// the call itself is `Ok(Reply::Error)`.
    pub async fn forward(&self, to: ReplicaId, call: Call, timeout: Duration) -> Result<Reply, ForwardError> {
        let shared = &self.shared;
        if !shared.connected().contains(&to) {
            return Err(ForwardError::Unreachable(to));
        }
        let lane = shared.lane(to)?;
        let timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let mut call = PipelineCall { id: 0, timeout_ms, call: Some(call) };
        let bytes = u32::try_from(call.encoded_len()).unwrap_or(u32::MAX);
        let room = lane.room.clone().try_acquire_many_owned(bytes);
        let room = room.map_err(|_| ForwardError::Overloaded(to))?;
        let (sender, reply) = oneshot::channel();
        let id = lane.waiting.lock().add(sender).ok_or(ForwardError::Unreachable(to))?;
        let _pending = Pending { lane: &lane, id, _room: room };
        call.id = id;
        lane.calls.send(call).map_err(|_| ForwardError::Unreachable(to))?;
        match tokio::time::timeout(timeout, reply).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(ForwardError::Broken(to)),
            Err(_) => Err(ForwardError::Slow { replica: to, timeout_ms: timeout_ms.into() }),
        }
    }
}

impl Waiting {
    /// The id under which a reply is waited for; none once the stream is broken.
    fn add(&mut self, reply: oneshot::Sender<Reply>) -> Option<u64> {
        if self.broken {
            return None;
        }
        self.next_id += 1;
        self.replies.insert(self.next_id, reply);
        Some(self.next_id)
    }
}

impl Shared {
    fn lane(self: &Arc<Self>, to: ReplicaId) -> Result<Arc<Lane>, ForwardError> {
        let node = self.member(to).ok_or(ForwardError::Unreachable(to))?;
        let mut open = self.forwards.open.lock();
        if let Some(lane) = open.get(&to) {
            return Ok(lane.clone());
        }
        let (calls, queue) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(self.config.forward_bytes_max));
        let lane = Arc::new(Lane { calls, waiting: Mutex::default(), room });
        open.insert(to, lane.clone());
        let (shared, running) = (self.clone(), lane.clone());
        self.spawn("replication.forward", async move {
            let mut client = shared.client(&node);
            let end = tokio::select! {
                () = shared.stopping.cancelled() => Ok(()),
                end = running.run(client.forward(requests(queue))) => end,
            };
            if let Err(status) = end {
                tracing::debug!(peer = %to, error = status.message(), "stream of forwarded calls broke");
            }
            shared.forwards.close(to, &running);
        });
        Ok(lane)
    }
}

impl Forwards {
    fn close(&self, to: ReplicaId, lane: &Arc<Lane>) {
        {
            let mut open = self.open.lock();
            if open.get(&to).is_some_and(|current| Arc::ptr_eq(current, lane)) {
                open.remove(&to);
            }
        }
        let mut waiting = lane.waiting.lock();
        waiting.broken = true;
        // Whoever waits learns by the dropped senders that the stream broke.
        waiting.replies.clear();
    }
}

impl Lane {
    async fn run(
        &self,
        open: impl Future<Output = Result<tonic::Response<tonic::Streaming<PipelineResponse>>, Status>>,
    ) -> Result<(), Status> {
        let mut answers = open.await?.into_inner();
        while let Some(PipelineResponse { replies }) = answers.message().await? {
            let mut waiting = self.waiting.lock();
            for PipelineReply { id, reply } in replies {
                if let (Some(waiter), Some(reply)) = (waiting.replies.remove(&id), reply) {
                    // An error means that the caller has just stopped waiting.
                    let _ = waiter.send(reply);
                }
            }
        }
        Ok(())
    }
}

/// Calls as messages: what has piled up shares one. The queue is bounded by [`Lane::room`].
fn requests(
    queue: mpsc::UnboundedReceiver<PipelineCall>,
) -> impl Stream<Item = PipelineRequest> + Send + 'static {
    futures::stream::unfold(queue, |mut queue| async move {
        let mut calls = Vec::new();
        let count = queue.recv_many(&mut calls, CALLS_MAX).await;
        (count > 0).then_some((PipelineRequest { calls }, queue))
    })
}
