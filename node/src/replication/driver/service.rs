//! The replication service: what other nodes call.

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use sojourn_proto::replication::v1 as pb;
use sojourn_proto::replication::v1::replication_service_server::{
    ReplicationService, ReplicationServiceServer,
};
use sojourn_proto::session::v1::{PipelineRequest, PipelineResponse};
use tonic::{Request, Response, Status, Streaming};

use super::hello::{Refusal, check_caller, check_hello};
use super::{Replication, Shared};
use crate::membership::NodeState;
use crate::replication::fetch::{self, TransferOut, Wanted};
use crate::replication::forward::ForwardHandler;
use crate::security::PeerIdentity;
use crate::session::{Key, Origin, Partition};

/// The replication service as tonic serves it.
pub type ReplicationServer = ReplicationServiceServer<Service>;

/// See [`ReplicationServer`].
pub struct Service {
    shared: Arc<Shared>,
    forwarded: Arc<dyn ForwardHandler>,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

impl Replication {
    /// The service for other nodes; `forwarded` answers client calls they pass on.
    #[must_use]
    pub fn service(&self, forwarded: Arc<dyn ForwardHandler>) -> ReplicationServer {
        let service = Service { shared: self.shared.clone(), forwarded };
        ReplicationServiceServer::new(service).max_decoding_message_size(self.shared.message_bytes_max())
    }
}

fn identity<T>(request: &Request<T>) -> Result<PeerIdentity, Status> {
    let identity = request.extensions().get::<PeerIdentity>().cloned();
    identity.ok_or_else(|| Status::unauthenticated("a node certificate is needed"))
}

impl Service {
    fn check(&self, caller: Option<&pb::Caller>, identity: &PeerIdentity) -> Result<Origin, Refusal> {
        check_caller(&self.shared.membership(), self.shared.me.replica, caller, identity)
    }

    /// For streams that do not name their caller: the certificate must be a member's.
    fn check_identity(&self, identity: &PeerIdentity) -> Result<(), Status> {
        let PeerIdentity::Node { name, region } = identity else {
            return Err(Status::permission_denied(format!("only nodes may forward calls, not {identity}")));
        };
        let membership = self.shared.membership();
        let mut named = membership.nodes.values().filter(|node| node.name == *name && node.region == *region);
        if named.any(|node| node.state != NodeState::Removed) {
            Ok(())
        } else {
            let epoch = membership.epoch;
            Err(Status::failed_precondition(format!("{identity} is not a member as of epoch {epoch}")))
        }
    }
}

#[async_trait::async_trait]
impl ReplicationService for Service {
    type LinkStream = Answers<pb::Frame>;

    async fn link(
        &self,
        request: Request<Streaming<pb::Frame>>,
    ) -> Result<Response<Self::LinkStream>, Status> {
        let identity = identity(&request)?;
        let shared = self.shared.clone();
        let mut inbound = request.into_inner();
        let first = shared.in_time(inbound.message()).await?;
        let peer = check_hello(&shared.membership(), shared.me.replica, first, &identity).inspect_err(
            |refusal| tracing::warn!(caller = %identity, %refusal, "refused a replication link"),
        )?;
        let (new, frames) = shared.new_link(peer.replica);
        let running = shared.clone();
        shared.spawn("replication.link", async move {
            running.run_link(peer, new, inbound).await;
        });
        Ok(Response::new(Box::pin(frames.map(Ok))))
    }

    async fn fetch(&self, request: Request<pb::FetchRequest>) -> Result<Response<pb::FetchResponse>, Status> {
        let identity = identity(&request)?;
        let pb::FetchRequest { caller, keys, heads } = request.into_inner();
        self.check(caller.as_ref(), &identity)?;
        if keys.len() > fetch::KEYS_MAX {
            let message = format!("{} keys, at most {} are allowed", keys.len(), fetch::KEYS_MAX);
            return Err(Status::invalid_argument(message));
        }
        let keys = keys.into_iter().map(|key| <[u8; 16]>::try_from(&key[..]).map(Key).map_err(|_| key.len()));
        let keys: Vec<Key> = keys
            .collect::<Result<_, _>>()
            .map_err(|length| Status::invalid_argument(format!("a key has {length} bytes, not 16")))?;
        let shared = &self.shared;
        let bytes_max = shared.message_bytes_max() / 2;
        let wanted = if heads { Wanted::Head } else { Wanted::State };
        let answer = fetch::answer(&*shared.replica, &shared.membership, keys, wanted, bytes_max).await;
        Ok(Response::new(answer.map_err(|error| Status::unavailable(error.to_string()))?))
    }

    type TransferStream = Answers<pb::TransferChunk>;

    async fn transfer(
        &self,
        request: Request<pb::TransferRequest>,
    ) -> Result<Response<Self::TransferStream>, Status> {
        let identity = identity(&request)?;
        let pb::TransferRequest { caller, partition } = request.into_inner();
        let peer = self.check(caller.as_ref(), &identity)?;
        let count = self.shared.membership().layout.partitions.len();
        let number = u16::try_from(partition).ok().filter(|number| usize::from(*number) < count);
        let partition = number.map(Partition).ok_or_else(|| {
            Status::invalid_argument(format!(
                "partition {partition}; allowed is 0 to {}",
                count.saturating_sub(1)
            ))
        })?;
        tracing::info!(peer = %peer.replica, partition = partition.0, "transferring a partition");
        let chunk_bytes_max = self.shared.config.transfer_chunk_bytes_max;
        let outgoing = TransferOut::new(self.shared.replica.clone(), partition, chunk_bytes_max);
        Ok(Response::new(Box::pin(fetch::transfer_out(outgoing))))
    }

    type ForwardStream = Answers<PipelineResponse>;

    async fn forward(
        &self,
        request: Request<Streaming<PipelineRequest>>,
    ) -> Result<Response<Self::ForwardStream>, Status> {
        let identity = identity(&request)?;
        self.check_identity(&identity)?;
        Ok(Response::new(self.forwarded.answer(request.into_inner().boxed())))
    }
}
