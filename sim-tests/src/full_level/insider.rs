//! Calls to one certain node, with a node's own certificate: for looking, not for clients.

use std::sync::Arc;
use std::time::Duration;

use sojourn_node::env::{Environment, SharedRng};
use sojourn_node::membership::{Change, ChangeOutcome};
use sojourn_node::security::NodeTls;
use sojourn_node::transport::{PeerChannels, PeerExpectation, PeerRoutes, TlsChannels};
use sojourn_proto::cluster::v1::cluster_service_client::ClusterServiceClient;
use sojourn_proto::cluster::v1::{
    GetStatusRequest, GetStatusResponse, ListMembersRequest, ListMembersResponse,
};
use sojourn_proto::membership::v1::ProposeRequest;
use sojourn_proto::membership::v1::membership_service_client::MembershipServiceClient;
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use super::certificates::CLUSTER_ID;
use super::config::address;
use super::node::SimNode;
use crate::env::{DiskSpeed, Freezer, SimNetwork, SimSpawn};
use crate::plan::Latency;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// A way to one node that no fault touches.
pub(super) struct Insider {
    channels: TlsChannels,
    address: String,
    expected: PeerExpectation,
}

impl Insider {
    /// From the host of a name to a node.
    pub(super) fn new(host: &str, node: &SimNode) -> Result<Self, String> {
        let env = Environment {
            clock: node.clock.clone(),
            rng: SharedRng::from_seed(node.seed),
            network: Arc::new(SimNetwork { wire: node.wire.clone(), host: host.to_owned() }),
            spawn: Arc::new(SimSpawn {
                freezer: Arc::new(Freezer::default()),
                disk: DiskSpeed::new(Latency { us_min: 0, us_max: 0 }, 0),
            }),
        };
        let config = &node.config;
        let tls = NodeTls::load(&config.tls, CLUSTER_ID, &config.node.identity(), env.clock.clone());
        let tls = tls.map_err(|error| error.to_string())?;
        let channels = TlsChannels::new(env, tls, config.transport.clone(), PeerRoutes::new());
        let expected =
            PeerExpectation::Node { name: config.node.name.clone(), region: config.node.region.clone() };
        Ok(Self { channels, address: address(&node.name), expected })
    }

    fn channel(&self) -> Channel {
        self.channels.channel(&self.address, self.expected.clone())
    }

    pub(super) async fn status(&self) -> Result<GetStatusResponse, Status> {
        let mut client = ClusterServiceClient::new(self.channel());
        within(client.get_status(GetStatusRequest { include_digests: true })).await
    }

    pub(super) async fn members(&self) -> Result<ListMembersResponse, Status> {
        within(ClusterServiceClient::new(self.channel()).list_members(ListMembersRequest {})).await
    }

    pub(super) async fn get(&self, namespace: &str, id: &str) -> Result<pb::GetResponse, Status> {
        let (namespace, session_id) = (namespace.to_owned(), id.to_owned());
        let request = pb::GetRequest { namespace, session_id, options: None };
        within(SessionServiceClient::new(self.channel()).get(request)).await
    }

    pub(super) async fn update(&self, request: pb::UpdateRequest) -> Result<pb::UpdateResponse, Status> {
        within(SessionServiceClient::new(self.channel()).update(request)).await
    }

    /// Makes a change of the membership; only the leader does.
    pub(super) async fn propose(&self, change: &Change) -> Result<ChangeOutcome, Status> {
        let malformed = |error: serde_json::Error| Status::internal(error.to_string());
        let change = serde_json::to_vec(change).map_err(malformed)?.into();
        let request = ProposeRequest { cluster_id: CLUSTER_ID.to_owned(), change };
        let answer = within(MembershipServiceClient::new(self.channel()).propose(request)).await?;
        serde_json::from_slice(&answer.outcome).map_err(malformed)
    }
}

async fn within<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    let late = |_| Err(Status::new(Code::DeadlineExceeded, "no answer in time"));
    tokio::time::timeout(TIMEOUT, call).await.unwrap_or_else(late).map(Response::into_inner)
}
