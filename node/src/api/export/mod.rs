//! `sojourn.export.v1.ExportService`: copies of a namespace.

mod give;
mod tag;
mod take;

use std::pin::Pin;
use std::sync::Arc;

use futures::stream::{Stream, StreamExt};
use sojourn_proto::export::v1 as pb;
use sojourn_proto::export::v1::export_service_server::ExportService;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use self::give::Giver;
use self::tag::Tagger;
use super::deadline;
use super::handler::Handler;
use super::status::{Failure, Reason};

/// Exports and imports under way at a node: they are rare, and each holds some memory.
const TRANSFERS_MAX: usize = 8;

/// The service.
pub(super) struct Exports {
    handler: Arc<Handler>,
    tagger: Arc<Tagger>,
    transfers: Arc<Semaphore>,
    stopping: CancellationToken,
}

impl Exports {
    /// Streams end when `stopping` is cancelled.
    #[must_use]
    pub(super) fn new(handler: Arc<Handler>, stopping: CancellationToken) -> Self {
        let tagger = Arc::new(Tagger::new(&handler.key_secret));
        Self { handler, tagger, transfers: Arc::new(Semaphore::new(TRANSFERS_MAX)), stopping }
    }

    fn lineage(&self) -> Result<[u8; 16], Failure> {
        let unknown =
            || Failure::new(Reason::NotReady, "this node does not know who founded the cluster yet");
        tag::lineage(&self.handler.router.membership()).ok_or_else(unknown)
    }

    fn permit(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Failure> {
        self.transfers.clone().try_acquire_owned().map_err(|_| {
            Failure::new(Reason::Overloaded, "eight exports and imports are under way at this node already")
        })
    }

    fn begin(&self, request: pb::ExportRequest) -> Result<Giver, Failure> {
        self.handler.refuse_if_unready()?;
        let permit = self.permit()?;
        Giver::new(self.handler.clone(), self.tagger.clone(), self.lineage()?, request, permit)
    }

    async fn take(
        &self,
        request: pb::ImportRequest,
        deadline: deadline::Deadline,
    ) -> Result<pb::ImportResponse, Failure> {
        let _permit = self.permit()?;
        self.handler.take(&self.tagger, self.lineage()?, request, deadline).await
    }
}

#[tonic::async_trait]
impl ExportService for Exports {
    type ExportStream = Pin<Box<dyn Stream<Item = Result<pb::ExportChunk, Status>> + Send>>;

    async fn export(
        &self,
        request: Request<pb::ExportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let giver = self.begin(request.into_inner()).map_err(Failure::into_status)?;
        let chunks = futures::stream::try_unfold(giver, |mut giver| async move {
            let chunk = giver.next().await.map_err(Failure::into_status)?;
            Ok(chunk.map(|chunk| (chunk, giver)))
        });
        let until_stopped = chunks.take_until(self.stopping.clone().cancelled_owned());
        Ok(Response::new(Box::pin(until_stopped)))
    }

    async fn import(
        &self,
        request: Request<pb::ImportRequest>,
    ) -> Result<Response<pb::ImportResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let timeout = deadline::timeout(&metadata)?;
        let taken = self.handler.admitted(timeout, |deadline| self.take(message, deadline)).await;
        taken.map(Response::new).map_err(Failure::into_status)
    }
}
