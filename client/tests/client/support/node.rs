//! One node.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::{Stream, StreamExt, stream};
use sojourn_proto::cluster::v1::cluster_service_server::ClusterService;
use sojourn_proto::cluster::v1::{
    GetLayoutRequest, GetStatusRequest, GetStatusResponse, Layout, ListMembersRequest, ListMembersResponse,
    Member, WatchLayoutRequest,
};
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::session_service_server::SessionService;
use sojourn_proto::session::v1::{self as v1, PipelineReply, PipelineRequest, PipelineResponse};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tonic::{Code, Request, Response, Status, Streaming};

use super::sessions::{Sessions, error};

/// What a node does with calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behaviour {
    #[default]
    Answer,
    /// Takes calls and says nothing.
    Silent,
    /// Refuses calls because it is not ready.
    NotReady,
    /// Does the next call and breaks the stream before the answer; then answers.
    BreakOnce,
    /// Does the next call and breaks the stream before the answer; then refuses calls.
    BreakThenNotReady,
    /// Refuses to revoke, and answers all else.
    NoRevocation,
    /// Refuses to rotate, and answers all else.
    NoRotation,
    /// Has not seen what tokens name.
    Behind,
}

/// What a node has seen and how it is to behave.
#[derive(Default)]
pub(crate) struct Observed {
    pub(crate) behaviour: Mutex<Behaviour>,
    pub(crate) calls: Mutex<Vec<Call>>,
    pub(crate) messages: AtomicUsize,
    pub(crate) streams: AtomicUsize,
    pub(crate) layout_watches: AtomicUsize,
    pub(crate) open_streams: AtomicUsize,
}

#[derive(Clone)]
pub(crate) struct FakeNode {
    pub(crate) member: Member,
    pub(crate) observed: Arc<Observed>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) layout: watch::Receiver<Layout>,
}

/// Counts a stream as open while it lives.
struct Open(Arc<Observed>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open_streams.fetch_sub(1, Ordering::SeqCst);
    }
}

impl FakeNode {
    /// Answers in the opposite order, to prove that order means nothing.
    fn replies(&self, request: PipelineRequest) -> Result<PipelineResponse, Status> {
        self.observed.messages.fetch_add(1, Ordering::SeqCst);
        let behaviour = *self.observed.behaviour.lock().unwrap();
        let mut replies = Vec::new();
        for call in request.calls.into_iter().rev() {
            let (id, call) = (call.id, call.call.unwrap());
            self.observed.calls.lock().unwrap().push(call.clone());
            let reply = match behaviour {
                Behaviour::Silent => continue,
                Behaviour::NotReady => Reply::Error(error(Code::Unavailable, "NOT_READY")),
                Behaviour::NoRevocation if matches!(call, Call::Revoke(_)) => {
                    Reply::Error(error(Code::Unavailable, "NOT_READY"))
                }
                Behaviour::NoRotation if matches!(call, Call::Rotate(_)) => {
                    Reply::Error(error(Code::Unavailable, "NOT_READY"))
                }
                Behaviour::Behind if shows_token(&call) => Reply::Error(error(Code::Unavailable, "NOT_YET")),
                Behaviour::NoRevocation
                | Behaviour::NoRotation
                | Behaviour::Behind
                | Behaviour::Answer
                | Behaviour::BreakOnce
                | Behaviour::BreakThenNotReady => self.sessions.answer(call),
            };
            replies.push(PipelineReply { id, reply: Some(reply) });
        }
        let next = match behaviour {
            Behaviour::BreakOnce => Some(Behaviour::Answer),
            Behaviour::BreakThenNotReady => Some(Behaviour::NotReady),
            _ => None,
        };
        if let Some(next) = next {
            *self.observed.behaviour.lock().unwrap() = next;
            return Err(Status::unavailable("broken by a test"));
        }
        Ok(PipelineResponse { replies })
    }
}

fn shows_token(call: &Call) -> bool {
    let Call::Get(request) = call else { return false };
    request.options.as_ref().is_some_and(|options| !options.causal_token.is_empty())
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl SessionService for FakeNode {
    type PipelineStream = Responses<PipelineResponse>;

    async fn pipeline(
        &self,
        request: Request<Streaming<PipelineRequest>>,
    ) -> Result<Response<Self::PipelineStream>, Status> {
        self.observed.streams.fetch_add(1, Ordering::SeqCst);
        self.observed.open_streams.fetch_add(1, Ordering::SeqCst);
        let (node, open) = (self.clone(), Open(self.observed.clone()));
        let state = (request.into_inner(), node, open);
        let answers = stream::unfold(Some(state), |state| async move {
            let (mut requests, node, open) = state?;
            let request = requests.message().await.ok().flatten()?;
            match node.replies(request) {
                Ok(response) => Some((Ok(response), Some((requests, node, open)))),
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn create(&self, _: Request<v1::CreateRequest>) -> Result<Response<v1::CreateResponse>, Status> {
        Err(Status::unimplemented("streams only"))
    }

    async fn get(&self, _: Request<v1::GetRequest>) -> Result<Response<v1::GetResponse>, Status> {
        Err(Status::unimplemented("streams only"))
    }

    async fn update(&self, _: Request<v1::UpdateRequest>) -> Result<Response<v1::UpdateResponse>, Status> {
        Err(Status::unimplemented("streams only"))
    }

    async fn touch(&self, _: Request<v1::TouchRequest>) -> Result<Response<v1::TouchResponse>, Status> {
        Err(Status::unimplemented("streams only"))
    }

    async fn revoke(&self, _: Request<v1::RevokeRequest>) -> Result<Response<v1::RevokeResponse>, Status> {
        Err(Status::unimplemented("streams only"))
    }

    async fn rotate(&self, _: Request<v1::RotateRequest>) -> Result<Response<v1::RotateResponse>, Status> {
        Err(Status::unimplemented("streams only"))
    }

    async fn receipt(&self, _: Request<v1::ReceiptRequest>) -> Result<Response<v1::ReceiptResponse>, Status> {
        Err(Status::unimplemented("streams only"))
    }

    async fn batch_get(
        &self,
        _: Request<v1::BatchGetRequest>,
    ) -> Result<Response<v1::BatchGetResponse>, Status> {
        Err(Status::unimplemented("streams only"))
    }
}

#[tonic::async_trait]
impl ClusterService for FakeNode {
    type WatchLayoutStream = Responses<Layout>;

    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let node = Some(self.member.clone());
        Ok(Response::new(GetStatusResponse { node, ready: true, ..GetStatusResponse::default() }))
    }

    async fn list_members(
        &self,
        _: Request<ListMembersRequest>,
    ) -> Result<Response<ListMembersResponse>, Status> {
        let members = self.layout.borrow().nodes.clone();
        Ok(Response::new(ListMembersResponse { members, ..ListMembersResponse::default() }))
    }

    async fn get_layout(&self, _: Request<GetLayoutRequest>) -> Result<Response<Layout>, Status> {
        Ok(Response::new(self.layout.borrow().clone()))
    }

    async fn watch_layout(
        &self,
        _: Request<WatchLayoutRequest>,
    ) -> Result<Response<Self::WatchLayoutStream>, Status> {
        self.observed.layout_watches.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(Box::pin(WatchStream::new(self.layout.clone()).map(Ok))))
    }
}
