//! Status, members and layout, as nodes see them.

use std::time::Duration;

use sojourn_proto::cluster::v1::cluster_service_client::ClusterServiceClient;
use sojourn_proto::cluster::v1::{
    GetLayoutRequest, GetStatusRequest, GetStatusResponse, Layout, ListMembersRequest, ListMembersResponse,
};
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::client::Client;
use crate::error::{Error, from_unary};

impl Client {
    /// How the node at `address` (`host:port`) is doing; `include_digests` also
    /// asks for the digest of each partition it holds. No retry: the answer is
    /// about this node.
    ///
    /// # Errors
    /// The node cannot be reached, or does not answer within `request_timeout_ms`.
    pub async fn status(&self, address: &str, include_digests: bool) -> Result<GetStatusResponse, Error> {
        let mut node = self.node_at(address)?;
        self.limited(node.get_status(GetStatusRequest { include_digests })).await
    }

    /// The nodes of the cluster as the node that answers knows them.
    ///
    /// # Errors
    /// No node could be reached, or none answered within `request_timeout_ms`.
    pub async fn members(&self) -> Result<ListMembersResponse, Error> {
        let mut last = Error::unavailable("the layout names no node that takes calls");
        for mut node in self.any_nodes() {
            match self.limited(node.list_members(ListMembersRequest {})).await {
                Ok(members) => return Ok(members),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Which nodes hold which partitions, as the node that answers knows it.
    ///
    /// # Errors
    /// No node could be reached, or none answered within `request_timeout_ms`.
    pub async fn layout(&self) -> Result<Layout, Error> {
        let mut last = Error::unavailable("the layout names no node that takes calls");
        for mut node in self.any_nodes() {
            match self.limited(node.get_layout(GetLayoutRequest {})).await {
                Ok(layout) => return Ok(layout),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(crate) async fn limited<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Error> {
        let limit = Duration::from_millis(self.inner.config.request_timeout_ms.into());
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(from_unary(&status)),
            Err(_) => Err(Error::DeadlineExceeded),
        }
    }

    fn node_at(&self, address: &str) -> Result<ClusterServiceClient<Channel>, Error> {
        self.inner.cluster_at(address)
    }

    fn any_nodes(&self) -> Vec<ClusterServiceClient<Channel>> {
        self.inner.cluster_anywhere()
    }
}
