//! Builds the services that a node offers to clients and operators.

use std::sync::Arc;

use sojourn_proto::cluster::v1::cluster_service_server::ClusterServiceServer;
use sojourn_proto::directory::v1::directory_service_server::DirectoryServiceServer;
use sojourn_proto::export::v1::export_service_server::ExportServiceServer;
use sojourn_proto::feed::v1::explain_service_server::ExplainServiceServer;
use sojourn_proto::feed::v1::feed_service_server::FeedServiceServer;
use sojourn_proto::session::v1::session_service_server::SessionServiceServer;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use super::cluster_service::Cluster;
use super::directory::{Directory, Records};
use super::explain::Explanations;
use super::export::Exports;
use super::feed::Feeds;
use super::forwarded::Forwarded;
use super::handler::Handler;
use super::health;
use super::router::Router;
use super::session_service::Sessions;
use crate::config::Config;
use crate::engine::Engine;
use crate::env::Environment;
use crate::membership::MembershipWatch;
use crate::replication::{ForwardHandler, Replication};
use crate::session::{DecodeLimits, ReplicaId};
use crate::store::Store;
use crate::telemetry::{Counters, Readiness};

/// What the interface is built on.
pub struct ApiParts<'a> {
    /// Sessions.
    pub engine: Arc<Engine>,
    /// Other replicas.
    pub replication: Arc<Replication>,
    /// Who is where.
    pub membership: MembershipWatch,
    /// This node.
    pub replica: ReplicaId,
    /// For its usage.
    pub store: Arc<dyn Store>,
    /// The seams.
    pub env: Environment,
    /// Where calls are counted.
    pub counters: Arc<Counters>,
    /// Whether calls are taken.
    pub readiness: Arc<Readiness>,
    /// Ends streams.
    pub stopping: CancellationToken,
    /// The secret of [`crate::session::Key::derive`].
    pub key_secret: [u8; 32],
    /// Limits.
    pub config: &'a Config,
}

/// The public services of a node.
pub struct Api {
    handler: Arc<Handler>,
    store: Arc<dyn Store>,
    stopping: CancellationToken,
}

impl Api {
    /// Ties the parts together and starts to report health.
    #[must_use]
    pub fn new(parts: ApiParts<'_>) -> Self {
        let partition_count = parts.membership.borrow().layout.partition_count;
        let region = parts.config.node.region.clone();
        let handler = Arc::new(Handler {
            records: Records::new(parts.engine.clone(), parts.key_secret),
            engine: parts.engine,
            replication: parts.replication,
            router: Router::new(parts.membership, parts.replica, region),
            env: parts.env,
            limits: parts.config.session.clone(),
            decode_limits: DecodeLimits::default(),
            message_bytes_max: parts.config.transport.message_bytes_max,
            counters: parts.counters,
            readiness: parts.readiness,
            permits: Semaphore::new(parts.config.api.calls_max),
            config: parts.config.api.clone(),
            partition_count,
            key_secret: parts.key_secret,
        });
        Self { handler, store: parts.store, stopping: parts.stopping }
    }

    /// Waits until no call is under way. Further ones find the node not ready.
    pub async fn idle(&self) {
        let all = u32::try_from(self.handler.config.calls_max).unwrap_or(u32::MAX);
        // It fails only if the semaphore is closed, which nobody does.
        let _ = self.handler.permits.acquire_many(all).await;
    }

    /// Answers calls that other nodes pass on.
    #[must_use]
    pub fn forwarded(&self) -> Arc<dyn ForwardHandler> {
        Arc::new(Forwarded { handler: self.handler.clone(), stopping: self.stopping.clone() })
    }

    /// The services, for the one port of the node.
    #[must_use]
    pub fn routes(&self) -> Routes {
        let bytes_max = self.handler.message_bytes_max;
        let sessions = SessionServiceServer::new(Sessions::new(self.handler.clone(), self.stopping.clone()))
            .max_decoding_message_size(bytes_max)
            .max_encoding_message_size(bytes_max);
        let cluster = Cluster::new(self.handler.clone(), self.store.clone(), self.stopping.clone());
        let cluster = ClusterServiceServer::new(cluster)
            .max_decoding_message_size(bytes_max)
            .max_encoding_message_size(bytes_max);
        let directory = DirectoryServiceServer::new(Directory::new(self.handler.clone()))
            .max_decoding_message_size(bytes_max)
            .max_encoding_message_size(bytes_max);
        let feeds = FeedServiceServer::new(Feeds::new(self.handler.clone(), self.stopping.clone()))
            .max_decoding_message_size(bytes_max)
            .max_encoding_message_size(bytes_max);
        let explanations = ExplainServiceServer::new(Explanations::new(self.handler.clone()))
            .max_decoding_message_size(bytes_max)
            .max_encoding_message_size(bytes_max);
        let exports = ExportServiceServer::new(Exports::new(self.handler.clone(), self.stopping.clone()))
            .max_decoding_message_size(bytes_max)
            .max_encoding_message_size(bytes_max);
        let health = health::service(&self.handler.readiness, &self.handler.env);
        let routes = Routes::new(sessions)
            .add_service(cluster)
            .add_service(directory)
            .add_service(feeds)
            .add_service(explanations)
            .add_service(exports)
            .add_service(health);
        match health::reflection() {
            Ok(reflection) => routes.add_service(reflection),
            Err(error) => {
                tracing::error!(%error, "server reflection is not available");
                routes
            }
        }
    }
}
