//! The requests of one stream, as tonic pulls them: everything that waits goes
//! at once, so batches grow by themselves while the connection is busy.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use sojourn_proto::session::v1::PipelineRequest;

use super::stream::{Next, Pipeline};

/// See the module.
pub(crate) struct Outgoing(pub(crate) Arc<Pipeline>);

impl Stream for Outgoing {
    type Item = PipelineRequest;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.next(cx.waker()) {
            Next::Send(calls) => Poll::Ready(Some(PipelineRequest { calls })),
            Next::Wait => Poll::Pending,
            Next::End => Poll::Ready(None),
        }
    }
}
