//! Real nodes in this process: sled on a real disk, TLS on real sockets.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sojourn_node::config::Config;
use sojourn_node::env::Environment;
use sojourn_node::run::run;
use sojourn_node::security::{ClusterKey, NodeTls, PeerIdentity};
use sojourn_node::store::{SealedStore, SledStore};
use sojourn_node::transport::{PeerChannels, PeerExpectation, PeerRoutes, TlsChannels, TransportLimits};
use sojourn_proto::cluster::v1 as cluster;
use sojourn_proto::cluster::v1::cluster_service_client::ClusterServiceClient;
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::Authority;

/// How long a condition is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster's files and addresses.
pub(crate) struct World {
    dir: tempfile::TempDir,
    authority: Authority,
    nodes: Vec<(&'static str, &'static str, String)>,
}

/// A running node and a client of it.
pub(crate) struct TestNode {
    pub(crate) channel: Channel,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl World {
    /// Nodes by region and name; the first one founds the cluster.
    pub(crate) fn new(nodes: &[(&'static str, &'static str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new(&dir.path().join("tls"));
        std::fs::write(dir.path().join("cluster.key"), "5a".repeat(32)).unwrap();
        let nodes = nodes.iter().map(|(region, name)| (*region, *name, free_address())).collect();
        Self { dir, authority, nodes }
    }

    fn config(&self, index: usize, more: &str) -> Config {
        Config::parse(&self.config_text(index, more)).unwrap()
    }

    /// A node's configuration file.
    pub(crate) fn config_text(&self, index: usize, more: &str) -> String {
        let (region, name, address) = &self.nodes[index];
        let files = self.authority.issue(name, &[&format!("sojourn://dev/node/{region}/{name}")]);
        let shown = |path: &Path| path.display().to_string();
        format!(
            "[node]\ncluster_id = 'dev'\nname = '{name}'\nregion = '{region}'\nlisten = '{address}'\n\
             data_dir = '{}'\nbootstrap = {}\nseeds = ['{}']\n\
             [tls]\ncert_file = '{}'\nkey_file = '{}'\nca_file = '{}'\n\
             [keys]\ncluster_key_file = '{}'\n{more}",
            shown(&self.dir.path().join(name)),
            index == 0,
            self.nodes[0].2,
            shown(&files.cert_file),
            shown(&files.key_file),
            shown(&files.ca_file),
            shown(&self.dir.path().join("cluster.key")),
        )
    }

    /// A client of a node that runs as a process of its own, once it takes calls.
    pub(crate) async fn attach(&self, index: usize) -> TestNode {
        let running = tokio::spawn(std::future::ready(()));
        let node = TestNode { channel: self.channel(index), stop: CancellationToken::new(), running };
        until("ready", || async { node.status().await.is_ok_and(|status| status.ready) }).await;
        node
    }

    /// Starts a node and waits until it takes calls.
    pub(crate) async fn start(&self, index: usize, more: &str) -> TestNode {
        self.start_in(Environment::real(), index, more).await
    }

    /// Starts a node in an environment of its own and waits until it takes calls.
    pub(crate) async fn start_in(&self, env: Environment, index: usize, more: &str) -> TestNode {
        let (config, stop) = (self.config(index, more), CancellationToken::new());
        let key = ClusterKey::read(&config.keys.cluster_key_file).unwrap();
        let sled = open(&config).await;
        let store = Arc::new(SealedStore::open(sled, &key.at_rest_key(), &env.rng).unwrap());
        let stopping = stop.clone().cancelled_owned();
        let running = tokio::spawn(async move { run(config, env, store, stopping).await.unwrap() });
        let node = TestNode { channel: self.channel(index), stop, running };
        until("ready", || async { node.status().await.is_ok_and(|status| status.ready) }).await;
        node
    }

    fn channel(&self, index: usize) -> Channel {
        let env = Environment::real();
        let files = self.authority.issue("client", &["sojourn://dev/client/shop"]);
        let shop = PeerIdentity::Client { name: "shop".into() };
        let tls = NodeTls::load(&files, "dev", &shop, env.clock.clone()).unwrap();
        let channels = TlsChannels::new(env, tls, TransportLimits::default(), PeerRoutes::new());
        channels.channel(&self.nodes[index].2, PeerExpectation::AnyNode)
    }
}

/// Waits for a condition, and fails if it does not come.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let reached = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("never {what}"));
}

/// Starts nodes one after the other and waits until all know each other and one layout.
pub(crate) async fn start_all(world: &World, count: usize, more: &str) -> Vec<TestNode> {
    let mut nodes = Vec::new();
    for index in 0..count {
        nodes.push(world.start(index, more).await);
    }
    for node in &nodes {
        until("linked", || async {
            let status = node.status().await.unwrap();
            status.peers.len() == count - 1 && status.peers.iter().all(|peer| peer.connected)
        })
        .await;
    }
    until("one layout serves at all nodes", || async {
        let mut layouts = BTreeSet::new();
        for node in &nodes {
            let status = node.status().await.unwrap();
            layouts.insert((status.ready, status.layout_version, status.next_layout_version));
        }
        layouts.len() == 1 && layouts.iter().all(|(ready, _, next)| *ready && *next == 0)
    })
    .await;
    nodes
}

/// Waits until all nodes hold the same, and stops them.
pub(crate) async fn end_equal(nodes: Vec<TestNode>) {
    let digests = nodes[0].status().await.unwrap().digests;
    for node in &nodes {
        until("equal", || async { node.status().await.unwrap().digests == digests }).await;
    }
    for node in nodes {
        node.stop().await;
    }
}

/// Opens the disk, once the tasks of a node stopped just before have let go of it.
async fn open(config: &Config) -> Arc<SledStore> {
    let opened = async {
        loop {
            match SledStore::open(&config.node.data_dir, config.store.clone()) {
                Ok(store) => return store,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, opened).await.expect("the disk stayed open")
}

/// A port that was free a moment ago.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

impl TestNode {
    pub(crate) fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn status(&self) -> Result<cluster::GetStatusResponse, Status> {
        let request = cluster::GetStatusRequest { include_digests: true };
        Ok(ClusterServiceClient::new(self.channel.clone()).get_status(request).await?.into_inner())
    }

    pub(crate) async fn stop(self) {
        drop(self.channel);
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.expect("the node did not stop").unwrap();
    }

    pub(crate) async fn create(&self) -> pb::CreateResponse {
        let request = pb::CreateRequest { namespace: "shop".into(), ..Default::default() };
        self.sessions().create(request).await.unwrap().into_inner()
    }

    pub(crate) async fn get(&self, id: &str) -> Result<pb::Session, Status> {
        let request = pb::GetRequest { namespace: "shop".into(), session_id: id.into(), options: None };
        Ok(self.sessions().get(request).await?.into_inner().session.unwrap())
    }

    pub(crate) async fn update(&self, request: pb::UpdateRequest) -> Result<pb::UpdateResponse, Status> {
        Ok(self.sessions().update(request).await?.into_inner())
    }
}

pub(crate) fn text(text: &str) -> pb::Value {
    pb::Value { kind: Some(pb::value::Kind::Text(text.into())) }
}

/// An update of one attribute that returns the session.
pub(crate) fn set(id: &str, name: &str, value: pb::Value) -> pb::UpdateRequest {
    let set_attributes = [(name.to_owned(), value)].into();
    pb::UpdateRequest {
        namespace: "shop".into(),
        session_id: id.into(),
        changes: Some(pb::Changes { set_attributes, ..Default::default() }),
        return_session: true,
        ..Default::default()
    }
}

#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, reason: &str) {
    let status = outcome.unwrap_err();
    let details = status.get_error_details();
    let actual = details.error_info().map_or("", |info| info.reason.as_str());
    assert_eq!((status.code(), actual), (code, reason), "{}", status.message());
}
