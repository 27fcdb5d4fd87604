//! `sojourn.membership.v1.MembershipService`: what other nodes may ask.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sojourn_proto::membership::v1::membership_service_server::MembershipService;
use sojourn_proto::membership::v1::{
    JoinRequest, JoinResponse, ProposeRequest, ProposeResponse, RaftRequest, RaftResponse,
};
use tonic::{Code, Request, Response, Status, async_trait};

use super::core::Core;
use super::identity::hexadecimal;
use super::{
    Candidate, Change, ChangeOutcome, ClusterState, Membership, MembershipError, Node, NodeState, Refusal,
    disk,
};
use crate::security::PeerIdentity;
use crate::session::ReplicaId;

const STORE_ID_BYTES: usize = 16;

/// Serves the membership of one node.
pub struct MembershipRpc {
    pub(super) core: Arc<Core>,
}

#[async_trait]
impl MembershipService for MembershipRpc {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        let (name, region) = caller(&request)?;
        let request = request.into_inner();
        self.check_cluster(&request.cluster_id)?;
        if (name, region) != (request.name.clone(), request.region.clone()) {
            return Err(Status::permission_denied(
                "a node may join only with the name and region of its certificate",
            ));
        }
        if request.store_id.len() != STORE_ID_BYTES {
            return Err(Status::invalid_argument("store_id must have 16 bytes"));
        }
        let candidate = Candidate {
            name: request.name,
            region: request.region,
            address: request.address,
            weight: request.weight,
            store_id: hexadecimal(&request.store_id),
        };
        check_not_removed(&self.core.view.borrow(), &candidate.store_id)?;
        // In time for the joiner to hear that there is a cluster but no leader.
        let timeout = Duration::from_millis(self.core.config.call_timeout_ms / 2);
        let joined = self.core.propose_within(timeout, &Change::Join(candidate)).await;
        match joined.map_err(status)? {
            ChangeOutcome::Joined { replica } => self.welcome(replica).await,
            ChangeOutcome::Refused(refusal) => Err(refused(&refusal)),
            ChangeOutcome::Done => Err(Status::internal("the leader answered a join with nothing")),
        }
    }

    async fn propose(&self, request: Request<ProposeRequest>) -> Result<Response<ProposeResponse>, Status> {
        let (name, region) = caller(&request)?;
        self.check_cluster(&request.get_ref().cluster_id)?;
        check_member(&self.core.view.borrow(), &name, &region)?;
        let change: Change = parse(&request.get_ref().change)?;
        let outcome = self.core.propose_as_leader(&change).await.map_err(status)?;
        Ok(Response::new(ProposeResponse { outcome: payload(&outcome)? }))
    }

    async fn append_entries(&self, request: Request<RaftRequest>) -> Result<Response<RaftResponse>, Status> {
        self.raft(&request, |rpc| self.core.raft.append_entries(rpc)).await
    }

    async fn vote(&self, request: Request<RaftRequest>) -> Result<Response<RaftResponse>, Status> {
        self.raft(&request, |rpc| self.core.raft.vote(rpc)).await
    }

    async fn install_snapshot(
        &self,
        request: Request<RaftRequest>,
    ) -> Result<Response<RaftResponse>, Status> {
        self.raft(&request, |rpc| self.core.raft.install_snapshot(rpc)).await
    }
}

impl MembershipRpc {
    async fn raft<Rpc, Answer>(
        &self,
        request: &Request<RaftRequest>,
        handle: impl FnOnce(Rpc) -> Answer,
    ) -> Result<Response<RaftResponse>, Status>
    where
        Rpc: DeserializeOwned,
        Answer: Future,
        Answer::Output: Serialize,
    {
        let (name, region) = caller(request)?;
        self.check_cluster(&request.get_ref().cluster_id)?;
        check_replica(&self.core.view.borrow(), request.get_ref().replica_id, &name, &region)?;
        self.check_called(request.get_ref().to_replica_id)?;
        let answer = handle(parse(&request.get_ref().payload)?).await;
        Ok(Response::new(RaftResponse { payload: payload(&answer)? }))
    }

    fn check_cluster(&self, theirs: &str) -> Result<(), Status> {
        let ours = &self.core.local.cluster_id;
        if theirs == ours {
            return Ok(());
        }
        Err(Status::failed_precondition(format!("this node belongs to cluster {ours:?}, not to {theirs:?}")))
    }

    /// Raft counts a member's answers as promises that it remembers. After a lost disk this
    /// node has the name and the address of another member, but none of its memory: were it
    /// to answer in its place, one node's log would count as two, and a vote could be given twice.
    fn check_called(&self, called: u32) -> Result<(), Status> {
        let ours = u32::from(self.core.replica.0);
        if called == ours {
            return Ok(());
        }
        Err(Status::failed_precondition(format!("this node is replica {ours}, not replica {called}")))
    }

    /// Answers with a state that holds the new node, if this node hears of it in time.
    async fn welcome(&self, replica: ReplicaId) -> Result<Response<JoinResponse>, Status> {
        let mut view = self.core.view.clone();
        let timeout = Duration::from_millis(self.core.config.heartbeat_ms * 2);
        let heard = tokio::time::timeout(timeout, view.wait_for(|now| now.nodes.contains_key(&replica)));
        // Late or not, the joiner learns the rest from the leader.
        drop(heard.await);
        let state = state_of(&self.core.view.borrow());
        Ok(Response::new(JoinResponse { replica_id: u32::from(replica.0), state: payload(&state)? }))
    }
}

fn state_of(view: &Membership) -> ClusterState {
    ClusterState {
        cluster_id: view.cluster_id.clone(),
        epoch: view.epoch,
        last_replica_id: view.nodes.keys().next_back().copied().unwrap_or_default(),
        nodes: view.nodes.clone(),
        layout_version: view.layout.newest_version(),
        // The newcomer serves nothing before a later state makes it active.
        serving: None,
        partition_count: view.layout.partition_count,
        replicas_per_region: view.layout.replicas_per_region,
    }
}

fn caller<T>(request: &Request<T>) -> Result<(String, String), Status> {
    match request.extensions().get::<PeerIdentity>() {
        Some(PeerIdentity::Node { name, region }) => Ok((name.clone(), region.clone())),
        Some(PeerIdentity::Client { .. }) => {
            Err(Status::permission_denied("only nodes may call this service"))
        }
        None => Err(Status::unauthenticated("a node certificate is needed")),
    }
}

fn check_member(view: &Membership, name: &str, region: &str) -> Result<(), Status> {
    let mut of_caller = view.nodes.values().filter(|node| node.name == name && node.region == region);
    // The newest of that name counts: a removed node's name may be in use again.
    match of_caller.next_back() {
        Some(node) if node.state == NodeState::Removed => {
            Err(refused(&Refusal::Removed { replica: node.replica }))
        }
        Some(_) => Ok(()),
        None => Err(Status::permission_denied("only members of the cluster may propose changes")),
    }
}

/// A removal is for ever, so that whoever knows of one may tell; no leader is needed.
fn check_not_removed(view: &Membership, store_id: &str) -> Result<(), Status> {
    let is_removed = |node: &&Node| node.state == NodeState::Removed && node.store_id == store_id;
    match view.nodes.values().find(is_removed) {
        Some(node) if !planted!(RemovedNodeIsLetIn) => {
            Err(refused(&Refusal::Removed { replica: node.replica }))
        }
        _ => Ok(()),
    }
}

/// The caller must be the node its replica id names. An id this node has not
/// heard of is newer than its state and passes: the caller's certificate vouches
/// for it, and refusing it would cut this node off from a newer leader.
fn check_replica(view: &Membership, replica: u32, name: &str, region: &str) -> Result<(), Status> {
    let replica = u16::try_from(replica).ok().filter(|id| *id > 0).map(ReplicaId);
    let replica = replica.ok_or_else(|| Status::invalid_argument("replica_id must be 1 to 65535"))?;
    let Some(node) = view.nodes.get(&replica) else {
        return Ok(());
    };
    if node.state == NodeState::Removed {
        return Err(refused(&Refusal::Removed { replica }));
    }
    if node.name != name || node.region != region {
        return Err(Status::permission_denied("the replica id belongs to another node than the certificate"));
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Status> {
    disk::decode(bytes).map_err(|error| Status::invalid_argument(error.to_string()))
}

fn payload(value: &impl Serialize) -> Result<Bytes, Status> {
    disk::encode(value).map(Bytes::from).map_err(|error| Status::internal(error.to_string()))
}

/// The refusal travels in the details, so that the caller can tell which it is.
fn refused(refusal: &Refusal) -> Status {
    let code = match refusal {
        Refusal::NotFounded => Code::Unavailable,
        Refusal::NameTaken { .. } | Refusal::DiskTaken { .. } => Code::AlreadyExists,
        Refusal::Invalid { .. } => Code::InvalidArgument,
        _ => Code::PermissionDenied,
    };
    let details = disk::encode(refusal).unwrap_or_default();
    Status::with_details(code, refusal.to_string(), details.into())
}

fn status(error: MembershipError) -> Status {
    match error {
        MembershipError::Refused(refusal) => refused(&refusal),
        MembershipError::RefusedByPeer { .. } => Status::permission_denied(error.to_string()),
        _ => Status::unavailable(error.to_string()),
    }
}
