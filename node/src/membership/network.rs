//! Raft's calls to its peers.

use std::time::Duration;

use bytes::Bytes;
use openraft::error::{InstallSnapshotError, RPCError, RaftError, RemoteError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sojourn_proto::membership::v1::RaftRequest;
use tonic::Status;

use super::peers::{Peers, within};
use super::raft_types::{RaftPeer, TypeConfig, replica_of};
use super::{MembershipWatch, disk};
use crate::session::ReplicaId;

/// Makes a [`Link`] to each of Raft's members.
#[derive(Clone)]
pub(super) struct Network {
    pub(super) peers: Peers,
    pub(super) view: MembershipWatch,
    pub(super) replica: ReplicaId,
    pub(super) retry_pause: Duration,
}

/// Calls to one member.
pub(super) struct Link {
    network: Network,
    target: u64,
    added_as: RaftPeer,
}

#[derive(Clone, Copy)]
enum Call {
    AppendEntries,
    Vote,
    InstallSnapshot,
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Link;

    async fn new_client(&mut self, target: u64, node: &RaftPeer) -> Link {
        Link { network: self.clone(), target, added_as: node.clone() }
    }
}

type CallError<E> = RPCError<u64, RaftPeer, RaftError<u64, E>>;

impl Link {
    /// Where the member is now.
    fn peer(&self) -> RaftPeer {
        let view = self.network.view.borrow();
        view.nodes.get(&replica_of(self.target)).map_or_else(|| self.added_as.clone(), RaftPeer::of)
    }

    async fn call<Answer, E>(
        &self,
        call: Call,
        request: &impl Serialize,
        option: &RPCOption,
    ) -> Result<Answer, CallError<E>>
    where
        Answer: DeserializeOwned,
        E: std::error::Error + DeserializeOwned,
    {
        let unreachable = |error: &Failed| RPCError::Unreachable(Unreachable::new(error));
        let payload = disk::encode(request).map_err(|error| unreachable(&Failed(error.to_string())))?;
        let answer = self.send(call, payload, option.hard_ttl()).await;
        let answer = answer.map_err(|status| unreachable(&Failed(status.message().to_owned())))?;
        let answer: Result<Answer, RaftError<u64, E>> =
            disk::decode(&answer).map_err(|error| unreachable(&Failed(error.to_string())))?;
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(self.target, error)))
    }

    async fn send(&self, call: Call, payload: Vec<u8>, timeout: Duration) -> Result<Bytes, Status> {
        let peer = self.peer();
        let mut client = self.network.peers.client(&peer.address, peer.expectation());
        let request = RaftRequest {
            cluster_id: self.network.peers.cluster_id.clone(),
            replica_id: u32::from(self.network.replica.0),
            to_replica_id: u32::from(replica_of(self.target).0),
            payload: payload.into(),
        };
        let answer = match call {
            Call::AppendEntries => within(timeout, client.append_entries(request)).await,
            Call::Vote => within(timeout, client.vote(request)).await,
            Call::InstallSnapshot => within(timeout, client.install_snapshot(request)).await,
        };
        answer.map(|answer| answer.payload)
    }
}

/// Why a member could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

impl RaftNetwork<TypeConfig> for Link {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, CallError<openraft::error::Infallible>> {
        self.call(Call::AppendEntries, &request, &option).await
    }

    async fn install_snapshot(
        &mut self,
        request: InstallSnapshotRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, CallError<InstallSnapshotError>> {
        self.call(Call::InstallSnapshot, &request, &option).await
    }

    async fn vote(
        &mut self,
        request: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, CallError<openraft::error::Infallible>> {
        self.call(Call::Vote, &request, &option).await
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(self.network.retry_pause))
    }
}
