//! `sojourn.session.v1.SessionService`: each way in ends in the one handler.

use std::sync::Arc;

use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::session_service_server::SessionService;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::deadline::timeout;
use super::handler::{Handler, Hop};
use super::pipeline::Answers;
use super::status::{self, Failure, Reason};

/// The service.
pub(super) struct Sessions {
    handler: Arc<Handler>,
    stopping: CancellationToken,
}

impl Sessions {
    /// Streams end when `stopping` is cancelled.
    #[must_use]
    pub(super) fn new(handler: Arc<Handler>, stopping: CancellationToken) -> Self {
        Self { handler, stopping }
    }

    async fn answer(&self, metadata: &MetadataMap, call: Call) -> Result<Reply, Status> {
        let timeout = timeout(metadata)?;
        let now = self.handler.call_now(&call);
        let reply = match now {
            Some(reply) => reply,
            None => self.handler.call(call, timeout, Hop::First).await,
        };
        match reply {
            Reply::Error(error) => Err(status::status(error)),
            reply => Ok(reply),
        }
    }
}

/// Unary methods differ only in their types.
macro_rules! unary {
    ($($method:ident: $request:ident -> $response:ident as $variant:ident;)*) => {
        #[tonic::async_trait]
        impl SessionService for Sessions {
            type PipelineStream = Answers<Streaming<pb::PipelineRequest>>;

            $(async fn $method(
                &self,
                request: Request<pb::$request>,
            ) -> Result<Response<pb::$response>, Status> {
                let (metadata, _, message) = request.into_parts();
                match self.answer(&metadata, Call::$variant(message)).await? {
                    Reply::$variant(response) => Ok(Response::new(response)),
                    _ => Err(Failure::new(Reason::Internal, "unexpected answer").into_status()),
                }
            })*

            async fn pipeline(
                &self,
                request: Request<Streaming<pb::PipelineRequest>>,
            ) -> Result<Response<Self::PipelineStream>, Status> {
                let calls = request.into_inner();
                let stopping = self.stopping.clone();
                Ok(Response::new(Answers::new(self.handler.clone(), Hop::First, calls, stopping)))
            }
        }
    };
}

unary! {
    create: CreateRequest -> CreateResponse as Create;
    get: GetRequest -> GetResponse as Get;
    update: UpdateRequest -> UpdateResponse as Update;
    touch: TouchRequest -> TouchResponse as Touch;
    rotate: RotateRequest -> RotateResponse as Rotate;
    revoke: RevokeRequest -> RevokeResponse as Revoke;
    receipt: ReceiptRequest -> ReceiptResponse as Receipt;
    batch_get: BatchGetRequest -> BatchGetResponse as BatchGet;
}
