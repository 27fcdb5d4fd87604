//! Many calls under way on one stream: what needs no wait is answered inline,
//! the rest runs side by side up to a bound, answers that are ready share a message.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, Stream, StreamExt};
use prost::Message;
use sojourn_proto::session::v1 as pb;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;

use super::handler::{Handler, Hop};
use super::status::Failure;

/// The answers of one stream, as messages.
pub(super) struct Answers<S> {
    handler: Arc<Handler>,
    hop: Hop,
    calls: Option<S>,
    backlog: VecDeque<pb::PipelineCall>,
    under_way: FuturesUnordered<BoxFuture<'static, pb::PipelineReply>>,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> Answers<S>
where
    S: Stream<Item = Result<pb::PipelineRequest, Status>> + Unpin,
{
    /// Answers the calls of a stream until it ends or the node stops.
    pub(super) fn new(handler: Arc<Handler>, hop: Hop, calls: S, stopping: CancellationToken) -> Self {
        let (backlog, under_way) = (VecDeque::new(), FuturesUnordered::new());
        let stopping = Box::pin(stopping.cancelled_owned());
        Self { handler, hop, calls: Some(calls), backlog, under_way, stopping }
    }

    /// Takes calls from the stream while there is room; false if it has to wait for more.
    fn take_calls(&mut self, cx: &mut Context<'_>) -> Result<bool, Status> {
        if !self.backlog.is_empty() {
            return Ok(true);
        }
        let Some(calls) = &mut self.calls else { return Ok(false) };
        if self.stopping.as_mut().poll(cx).is_ready() {
            self.calls = None;
            return Ok(false);
        }
        match calls.poll_next_unpin(cx) {
            Poll::Ready(Some(message)) => {
                self.backlog.extend(message?.calls);
                Ok(true)
            }
            Poll::Ready(None) => {
                self.calls = None;
                Ok(false)
            }
            Poll::Pending => Ok(false),
        }
    }

    /// Starts the next call of the backlog; gives its answer if that needs no wait.
    fn start(&mut self, cx: &mut Context<'_>) -> Option<pb::PipelineReply> {
        let pb::PipelineCall { id, timeout_ms, call } = self.backlog.pop_front()?;
        let answer = move |reply| pb::PipelineReply { id, reply: Some(reply) };
        let Some(call) = call else {
            let failure = Failure::field("call", "one of the calls of sojourn.session.v1.PipelineCall");
            return Some(answer(pb::pipeline_reply::Reply::Error(failure.into_error())));
        };
        if let Some(reply) = self.handler.call_now(&call) {
            return Some(answer(reply));
        }
        let timeout = (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms.into()));
        let (handler, hop) = (self.handler.clone(), self.hop);
        let mut running: BoxFuture<'static, pb::PipelineReply> =
            Box::pin(async move { answer(handler.call(call, timeout, hop).await) });
        match running.as_mut().poll(cx) {
            Poll::Ready(reply) => Some(reply),
            Poll::Pending => {
                self.under_way.push(running);
                None
            }
        }
    }
}

impl<S> Stream for Answers<S>
where
    S: Stream<Item = Result<pb::PipelineRequest, Status>> + Unpin,
{
    type Item = Result<pb::PipelineResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let (bytes_max, calls_max) = this.handler.pipeline_limits();
        let (mut replies, mut bytes) = (Vec::new(), 0);
        while bytes < bytes_max {
            let reply = match this.under_way.poll_next_unpin(cx) {
                Poll::Ready(Some(reply)) => Some(reply),
                _ if this.under_way.len() >= calls_max => break,
                _ => match this.take_calls(cx) {
                    Err(status) => return Poll::Ready(Some(Err(status))),
                    Ok(false) => break,
                    Ok(true) => this.start(cx),
                },
            };
            if let Some(reply) = reply {
                bytes += reply.encoded_len();
                replies.push(reply);
            }
        }
        if !replies.is_empty() {
            return Poll::Ready(Some(Ok(pb::PipelineResponse { replies })));
        }
        let ended = this.calls.is_none() && this.backlog.is_empty() && this.under_way.is_empty();
        if ended { Poll::Ready(None) } else { Poll::Pending }
    }
}
