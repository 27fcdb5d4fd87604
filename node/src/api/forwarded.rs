//! Calls that other nodes pass on, answered by the same handler.

use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};
use sojourn_proto::session::v1::{PipelineRequest, PipelineResponse};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::handler::{Handler, Hop};
use super::pipeline::Answers;
use crate::replication::ForwardHandler;

/// Answers calls that are not passed on again.
pub(super) struct Forwarded {
    pub(super) handler: Arc<Handler>,
    pub(super) stopping: CancellationToken,
}

impl ForwardHandler for Forwarded {
    fn answer(
        &self,
        calls: BoxStream<'static, Result<PipelineRequest, Status>>,
    ) -> BoxStream<'static, Result<PipelineResponse, Status>> {
        Answers::new(self.handler.clone(), Hop::Forwarded, calls, self.stopping.clone()).boxed()
    }
}
