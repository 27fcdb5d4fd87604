//! Nodes, their certificates and their layout.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sojourn_client::{Client, ClientConfig, Environment, Error};
use sojourn_proto::cluster::v1::cluster_service_server::ClusterServiceServer;
use sojourn_proto::cluster::v1::{Layout, Member, PartitionReplicas};
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::session_service_server::SessionServiceServer;
use tokio::sync::{mpsc, watch};
use tonic::transport::Server;

use super::certificates::Authority;
use super::network::{MemoryNetwork, Secure, acceptor};
use super::node::{Behaviour, FakeNode, Observed};
use super::sessions::Sessions;

/// A region and a name; the address is `name:1`.
pub(crate) type NodeAt = (&'static str, &'static str);

const PARTITIONS: u32 = 4;

/// A cluster of fake nodes that share their sessions.
pub(crate) struct Cluster {
    pub(crate) authority: Authority,
    network: MemoryNetwork,
    layout: watch::Sender<Layout>,
    nodes: Vec<FakeNode>,
    sessions: Arc<Sessions>,
}

impl Cluster {
    /// Nodes in their order of preference for every partition.
    pub(crate) fn start(nodes: &[NodeAt]) -> Self {
        let (authority, network) = (Authority::new(), MemoryNetwork::default());
        let members: Vec<Member> =
            (1..).zip(nodes).map(|(replica_id, node)| member(replica_id, *node)).collect();
        let (layout, follow) = watch::channel(layout_of(1, &members));
        let sessions = Arc::new(Sessions::default());
        let started = members.into_iter().map(|member| {
            let node = FakeNode {
                member,
                observed: Arc::new(Observed::default()),
                sessions: sessions.clone(),
                layout: follow.clone(),
            };
            serve(node.clone(), &authority, &network);
            node
        });
        let nodes = started.collect();
        Self { authority, network, layout, nodes, sessions }
    }

    /// What all nodes hold.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Settings that suit a test: the pauses are short.
    pub(crate) fn config(&self, seed: &str) -> ClientConfig {
        let identity = self.authority.issue("sojourn://dev/client/test");
        let mut config = ClientConfig::new([format!("{seed}:1")], "dev", identity);
        (config.backoff_base_ms, config.attempt_timeout_ms) = (1, 200);
        config
    }

    pub(crate) async fn connect(&self, config: ClientConfig) -> Result<Client, Error> {
        let environment = Environment::simulated(Arc::new(self.network.clone()), 7);
        Client::connect_with(config, environment).await
    }

    pub(crate) fn behave(&self, name: &str, behaviour: Behaviour) {
        *self.seen(name).behaviour.lock().unwrap() = behaviour;
    }

    /// Ends a node: its connections break and new ones are refused.
    pub(crate) fn kill(&self, name: &str) {
        self.network.cut(&format!("{name}:1"));
    }

    pub(crate) fn seen(&self, name: &str) -> &Observed {
        let node = self.nodes.iter().find(|node| node.member.name == name).unwrap();
        &node.observed
    }

    pub(crate) fn calls(&self, name: &str) -> Vec<Call> {
        self.seen(name).calls.lock().unwrap().clone()
    }

    pub(crate) fn open_streams(&self) -> usize {
        self.nodes.iter().map(|node| node.observed.open_streams.load(Ordering::SeqCst)).sum()
    }

    /// Publishes a layout that names only these nodes.
    pub(crate) fn publish(&self, version: u64, names: &[&str]) {
        let members = self.nodes.iter().map(|node| node.member.clone());
        let members: Vec<Member> = members.filter(|member| names.contains(&member.name.as_str())).collect();
        self.layout.send_replace(layout_of(version, &members));
    }
}

/// Serves until the connections to it are cut.
fn serve(node: FakeNode, authority: &Authority, network: &MemoryNetwork) {
    let uri = format!("sojourn://dev/node/{}/{}", node.member.region, node.member.name);
    let (acceptor, mut incoming) = (acceptor(&authority.issue(&uri)), network.listen(&node.member.address));
    tokio::spawn(async move {
        let (sender, secure) = mpsc::unbounded_channel();
        let accepting = async {
            while let Some(stream) = incoming.recv().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    drop(sender.send(Ok::<_, std::io::Error>(Secure(stream))));
                }
            }
        };
        let serving = Server::builder()
            .add_service(SessionServiceServer::new(node.clone()))
            .add_service(ClusterServiceServer::new(node))
            .serve_with_incoming(tokio_stream::wrappers::UnboundedReceiverStream::new(secure));
        tokio::select! { () = accepting => {}, _ = serving => {} }
    });
}

fn member(replica_id: u32, (region, name): NodeAt) -> Member {
    let (name, region, address) = (name.to_owned(), region.to_owned(), format!("{name}:1"));
    Member { replica_id, name, region, address, weight: 1, ..Member::default() }
}

fn layout_of(version: u64, members: &[Member]) -> Layout {
    let replica_ids = members.iter().map(|member| member.replica_id).collect();
    let partitions = vec![PartitionReplicas { replica_ids }; PARTITIONS as usize];
    Layout { version, partition_count: PARTITIONS, nodes: members.to_vec(), partitions, ..Layout::default() }
}
