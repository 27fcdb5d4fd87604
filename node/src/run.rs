//! A whole node, from its parts; the simulation runs this same function.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::FusedFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::api::{Api, ApiParts};
use crate::config::{Config, ConfigError};
use crate::engine::{ClockState, ClockVerdict, Engine, EngineConfig, EngineError};
use crate::env::Environment;
use crate::membership::{LocalNode, Members, MembershipError, MembershipWatch, NodeState};
use crate::replication::Replication;
use crate::security::keys::KeyError;
use crate::security::{ClusterKey, NodeTls, TlsError};
use crate::session::ReplicaId;
use crate::store::{Store, StoreError};
use crate::telemetry::{Counters, Readiness};
use crate::transport::{PeerChannels, TlsChannels, TransportError, serve};

/// How long connections may take to close once nothing is under way on them.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Why a node cannot run, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The cluster key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The data directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The membership.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// The engine.
    #[error("the engine cannot start: {0}")]
    Engine(#[from] EngineError),
    /// The address is taken or not this machine's.
    #[error("cannot listen at {address} (node.listen): {detail}")]
    Listen {
        /// `node.listen`.
        address: String,
        /// What the system said.
        detail: String,
    },
    /// Serving.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The log filter.
    #[error("{0}")]
    Logs(String),
    /// Threads, signals.
    #[error("the runtime cannot start: {0}")]
    Runtime(String),
}

/// Runs a node until `shutdown` completes, or it may not run any longer.
///
/// It listens before anything else, so that a wrong address is told at once. A
/// stop first turns unready, lets calls under way finish (`api.drain_timeout_ms`),
/// then writes a checkpoint and syncs it.
///
/// # Errors
/// What keeps the node from starting, or ended it.
pub async fn run(
    config: Config,
    env: Environment,
    store: Arc<dyn Store>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    config.validate()?;
    let key = ClusterKey::read(&config.keys.cluster_key_file)?;
    let (cluster_id, identity) = (&config.node.cluster_id, config.node.identity());
    let tls = NodeTls::load(&config.tls, cluster_id, &identity, env.clock.clone())?;
    let listener = env.network.listen(&config.node.listen).await.map_err(|error| RunError::Listen {
        address: config.node.listen.clone(),
        detail: error.to_string(),
    })?;
    let node = Node::start(&config, &env, &store, &key, &tls).await?;
    tracing::info!(
        cluster = cluster_id, node = config.node.name, region = config.node.region,
        replica = %node.members.replica_id(), address = config.node.advertised(), "node is up"
    );
    let stop = node.stopping.clone();
    let served = serve(listener, tls, node.routes(), &config.transport, &env, stop.cancelled_owned());
    let ended = node.supervise(served, shutdown, Duration::from_millis(config.api.drain_timeout_ms)).await;
    node.close().await;
    tracing::info!(node = config.node.name, "node has stopped");
    ended
}

/// The running parts of a node.
struct Node {
    engine: Arc<Engine>,
    members: Members,
    replication: Arc<Replication>,
    api: Api,
    readiness: Arc<Readiness>,
    stopping: CancellationToken,
}

impl Node {
    async fn start(
        config: &Config,
        env: &Environment,
        store: &Arc<dyn Store>,
        key: &ClusterKey,
        tls: &NodeTls,
    ) -> Result<Self, RunError> {
        let routes = config.node.routes.clone();
        let channels: Arc<dyn PeerChannels> =
            Arc::new(TlsChannels::new(env.clone(), tls.clone(), config.transport.clone(), routes));
        let members = Members::start(
            local_node(config),
            config.membership.clone(),
            store.clone(),
            env.clone(),
            channels.clone(),
        )
        .await?;
        let membership = members.watch();
        let engine_config = EngineConfig {
            partition_count: membership.borrow().layout.partition_count,
            limits: config.session.clone(),
            ..config.engine.clone()
        };
        let engine = Engine::open(store.clone(), engine_config, env.clone())?;
        engine.set_replica(members.replica_id());
        engine.start();
        let replication = Replication::start(
            engine.clone(),
            membership.clone(),
            channels,
            Arc::new(members.clone()),
            config.replication.clone(),
            env.clone(),
        );
        let (readiness, stopping) = (Arc::new(Readiness::default()), CancellationToken::new());
        follow_readiness(
            members.replica_id(),
            membership.clone(),
            engine.clock_verdicts(),
            &readiness,
            &stopping,
            env,
        );
        let api = Api::new(ApiParts {
            engine: engine.clone(),
            replication: replication.clone(),
            membership,
            replica: members.replica_id(),
            store: store.clone(),
            env: env.clone(),
            counters: Arc::new(Counters::default()),
            readiness: readiness.clone(),
            stopping: stopping.clone(),
            key_secret: key.session_secret(),
            config,
        });
        Ok(Self { engine, members, replication, api, readiness, stopping })
    }

    fn routes(&self) -> Routes {
        self.api
            .routes()
            .add_service(self.members.service())
            .add_service(self.replication.service(self.api.forwarded()))
    }

    /// Serves until the node is told to stop, or may not go on; then drains.
    async fn supervise(
        &self,
        served: impl Future<Output = Result<(), TransportError>>,
        shutdown: impl Future<Output = ()>,
        drain: Duration,
    ) -> Result<(), RunError> {
        let served = served.fuse();
        tokio::pin!(served);
        let verdict = tokio::select! {
            ended = &mut served => return Ok(ended?),
            verdict = self.members.stopped() => Err(RunError::Membership(verdict)),
            () = shutdown => Ok(()),
        };
        self.readiness.set(false);
        self.stopping.cancel();
        let finish = async {
            tokio::select! {
                // Polled along, because connections stand still without it.
                _ = &mut served => {}
                () = self.api.idle() => {}
            }
            // Links to other nodes keep their connections open until replication ends.
            self.replication.shutdown().await;
        };
        if tokio::time::timeout(drain, finish).await.is_err() {
            tracing::warn!("calls were still under way when the node stopped");
        }
        self.replication.shutdown().await;
        // What is still open now is idle, or of a client that does not hang up.
        if !served.is_terminated() {
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, served).await;
        }
        verdict
    }

    async fn close(&self) {
        self.engine.shutdown().await;
        self.members.shutdown().await;
    }
}

fn local_node(config: &Config) -> LocalNode {
    let node = &config.node;
    LocalNode {
        cluster_id: node.cluster_id.clone(),
        name: node.name.clone(),
        region: node.region.clone(),
        advertise: node.advertised().to_owned(),
        weight: node.weight,
        bootstrap: node.bootstrap,
        seeds: node.seeds.clone(),
    }
}

/// A node is ready while the membership has it active or draining and its clock is compared and not off.
fn follow_readiness(
    own: ReplicaId,
    mut membership: MembershipWatch,
    mut clock: watch::Receiver<ClockVerdict>,
    readiness: &Arc<Readiness>,
    stopping: &CancellationToken,
    env: &Environment,
) {
    let (readiness, stopping) = (readiness.clone(), stopping.clone());
    let follow = async move {
        loop {
            let state = membership.borrow_and_update().nodes.get(&own).map(|node| node.state);
            let takes_calls = matches!(state, Some(NodeState::Active | NodeState::Draining));
            let clock_state = clock.borrow_and_update().state;
            let is_clock_usable = !matches!(clock_state, ClockState::Off | ClockState::Waiting);
            readiness.set(takes_calls && is_clock_usable && !stopping.is_cancelled());
            tokio::select! {
                () = stopping.cancelled() => break,
                changed = membership.changed() => if changed.is_err() { break },
                changed = clock.changed() => if changed.is_err() { break },
            }
        }
        readiness.set(false);
    };
    env.spawn.spawn("run.readiness", Box::pin(follow));
}
