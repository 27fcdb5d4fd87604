//! Calls to other nodes, each with a deadline.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sojourn_proto::membership::v1::membership_service_client::MembershipServiceClient;
use sojourn_proto::membership::v1::{JoinRequest, ProposeRequest};
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use super::identity::from_hexadecimal;
use super::{Candidate, Change, ChangeOutcome, ClusterState, MembershipError, Refusal, disk};
use crate::session::ReplicaId;
use crate::transport::{PeerChannels, PeerExpectation};

/// Opens clients of other nodes' membership service.
#[derive(Clone)]
pub(super) struct Peers {
    pub(super) channels: Arc<dyn PeerChannels>,
    pub(super) cluster_id: String,
    pub(super) message_bytes_max: usize,
    pub(super) call_timeout: Duration,
}

impl Peers {
    pub(super) fn client(&self, address: &str, expect: PeerExpectation) -> MembershipServiceClient<Channel> {
        MembershipServiceClient::new(self.channels.channel(address, expect))
            .max_decoding_message_size(self.message_bytes_max)
            .max_encoding_message_size(self.message_bytes_max)
    }

    /// Asks the node at an address to let this one in.
    pub(super) async fn join(
        &self,
        address: &str,
        candidate: &Candidate,
    ) -> Result<(ReplicaId, ClusterState), MembershipError> {
        let request = JoinRequest {
            cluster_id: self.cluster_id.clone(),
            name: candidate.name.clone(),
            region: candidate.region.clone(),
            address: candidate.address.clone(),
            weight: candidate.weight,
            store_id: from_hexadecimal(&candidate.store_id).unwrap_or_default().into(),
        };
        let mut client = self.client(address, PeerExpectation::AnyNode);
        let answer = within(self.call_timeout, client.join(request)).await;
        let answer = answer.map_err(|status| failure(address, &status))?;
        let unreadable = || Status::data_loss("the answer has no valid replica id");
        let replica = u16::try_from(answer.replica_id).ok().filter(|id| *id > 0);
        let replica = replica.ok_or_else(|| failure(address, &unreadable()))?;
        Ok((ReplicaId(replica), disk::decode(&answer.state)?))
    }

    /// Hands a change to the leader at an address.
    pub(super) async fn propose(
        &self,
        address: &str,
        expect: PeerExpectation,
        change: &Change,
        timeout: Duration,
    ) -> Result<ChangeOutcome, MembershipError> {
        let request =
            ProposeRequest { cluster_id: self.cluster_id.clone(), change: disk::encode(change)?.into() };
        let mut client = self.client(address, expect);
        let answer = within(timeout.min(self.call_timeout), client.propose(request)).await;
        let answer = answer.map_err(|status| failure(address, &status))?;
        Ok(disk::decode(&answer.outcome)?)
    }
}

/// Waits for an answer until the deadline.
pub(super) async fn within<T>(
    timeout: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Status> {
    match tokio::time::timeout(timeout, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer in time")),
    }
}

/// Whether asking again, or asking another node, may help.
pub(super) fn is_passing(error: &MembershipError) -> bool {
    matches!(error, MembershipError::NoLeader { .. } | MembershipError::Unreachable { .. })
}

fn failure(peer: &str, status: &Status) -> MembershipError {
    if let Ok(refusal) = disk::decode::<Refusal>(status.details()) {
        return match refusal {
            Refusal::NotFounded => MembershipError::NoLeader { detail: refusal.to_string() },
            lasting => MembershipError::Refused(lasting),
        };
    }
    let detail = status.message().to_owned();
    // Only what failed on this side has a source.
    if status.code() == Code::DeadlineExceeded || status.source().is_some() {
        return MembershipError::Unreachable { peer: peer.to_owned(), detail };
    }
    match status.code() {
        Code::FailedPrecondition => MembershipError::WrongCluster { detail },
        Code::PermissionDenied | Code::Unauthenticated | Code::InvalidArgument | Code::AlreadyExists => {
            MembershipError::RefusedByPeer { peer: peer.to_owned(), detail }
        }
        _ => MembershipError::NoLeader { detail: format!("{peer}: {detail}") },
    }
}
