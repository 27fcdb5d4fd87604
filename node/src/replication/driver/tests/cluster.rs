//! Nodes on loopback. In place of TLS each connection begins with the caller's name.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use hyper_util::rt::TokioIo;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{PipelineReply, PipelineRequest, PipelineResponse, TouchResponse};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Request, Status};

use super::memory::{Memory, PARTITIONS};
use crate::env::Environment;
use crate::membership::{Membership, Node, NodeState};
use crate::placement::Layout;
use crate::replication::{
    ForwardHandler, Replica, ReplicaError, Replication, ReplicationConfig, SyncReports,
};
use crate::security::PeerIdentity;
use crate::session::ReplicaId;
use crate::transport::{PeerChannels, PeerExpectation};

pub(super) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), poll).await.unwrap_or_else(|_| panic!("never: {what}"));
}

pub(super) struct TestNode<R = Memory> {
    pub(super) memory: Arc<R>,
    pub(super) replication: Arc<Replication>,
    server: CancellationToken,
    _membership: watch::Sender<Arc<Membership>>,
}

impl<R> TestNode<R> {
    pub(super) fn stop(&self) {
        self.server.cancel();
        self.replication.shared.stopping.cancel();
    }
}

pub(super) struct Cluster<R = Memory> {
    pub(super) nodes: Vec<TestNode<R>>,
    membership: Arc<Membership>,
}

impl<R: Replica> Cluster<R> {
    pub(super) async fn start_with(regions: &[&str], replica: impl Fn(u16) -> Arc<R>) -> Self {
        let mut listeners = Vec::new();
        let mut nodes = BTreeMap::new();
        let mut replicas: BTreeMap<String, Vec<ReplicaId>> = BTreeMap::new();
        for (id, region) in (1..).zip(regions) {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let node = Node {
                replica: ReplicaId(id),
                name: format!("n{id}"),
                region: (*region).to_owned(),
                address: listener.local_addr().unwrap().to_string(),
                weight: 1,
                state: NodeState::Active,
                store_id: String::new(),
            };
            replicas.entry(node.region.clone()).or_default().push(node.replica);
            nodes.insert(node.replica, node);
            listeners.push(listener);
        }
        let layout = Layout {
            version: 1,
            partition_count: PARTITIONS,
            replicas_per_region: 3,
            partitions: vec![replicas; PARTITIONS as usize],
            next: None,
        };
        let membership = Arc::new(Membership {
            cluster_id: "test".into(),
            epoch: 1,
            nodes,
            layout: Arc::new(layout),
            voters: Vec::new(),
            leader: None,
            term: 1,
        });
        let nodes =
            (1..).zip(listeners).map(|(id, listener)| node(id, listener, &membership, replica(id))).collect();
        Self { nodes, membership }
    }

    pub(super) async fn linked(&self) {
        let linked = |node: &TestNode<R>| node.replication.peers().iter().all(|peer| peer.connected);
        eventually("all are linked", || self.nodes.iter().all(linked)).await;
    }
}

impl Cluster {
    pub(super) async fn start(regions: &[&str]) -> Self {
        Self::start_with(regions, Memory::new).await
    }

    /// Starts a node again with an empty memory.
    pub(super) async fn restart(&mut self, index: usize) {
        self.nodes[index].stop();
        let id = u16::try_from(index + 1).unwrap();
        let address = &self.membership.nodes[&ReplicaId(id)].address;
        let listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        self.nodes[index] = node(id, listener, &self.membership, Memory::new(id));
    }
}

fn node<R: Replica>(
    id: u16,
    listener: TcpListener,
    membership: &Arc<Membership>,
    memory: Arc<R>,
) -> TestNode<R> {
    let (sender, watch) = watch::channel(membership.clone());
    let config = ReplicationConfig {
        gossip_interval_ms: 50,
        gossip_stall_ms: 100,
        reconnect_ms_max: 100,
        ..ReplicationConfig::default()
    };
    let channels = Arc::new(NamedChannels(format!("n{id}")));
    let replication = Replication::start_with(
        memory.clone(),
        watch,
        channels,
        Arc::new(Unreported),
        config,
        Environment::real(),
    );
    let server = CancellationToken::new();
    let members = membership.clone();
    let identify = move |mut request: Request<()>| {
        let Caller(name) = request.extensions().get::<Caller>().cloned().unwrap();
        let region = members.nodes.values().find(|node| node.name == name).map(|node| node.region.clone());
        let region = region.ok_or_else(|| Status::unauthenticated(name.clone()))?;
        request.extensions_mut().insert(PeerIdentity::Node { name, region });
        Ok(request)
    };
    let service = InterceptedService::new(replication.service(Arc::new(Lengths)), identify);
    let incoming = futures::stream::unfold(listener, |listener| async move {
        let (mut stream, _) = listener.accept().await.ok()?;
        let mut name = vec![0; 2];
        let named = stream.read_exact(&mut name).await;
        let caller = Caller(String::from_utf8(name).unwrap());
        Some((named.map(|_| Named { stream, caller }), listener))
    });
    let serving = Server::builder()
        .add_service(service)
        .serve_with_incoming_shutdown(incoming.boxed(), server.clone().cancelled_owned());
    let stopped = server.clone();
    Environment::real().spawn.spawn(
        "test.server",
        Box::pin(async move {
            // Without grace, like a crash.
            tokio::select! {
                _ = serving => {}
                () = stopped.cancelled() => {}
            }
        }),
    );
    TestNode { memory, replication, server, _membership: sender }
}

/// No layout changes here.
struct Unreported;

#[async_trait::async_trait]
impl SyncReports for Unreported {
    async fn report_synced(&self, _: u64) -> Result<(), ReplicaError> {
        Err(ReplicaError("nothing was to be synced".into()))
    }
}

struct NamedChannels(String);

impl PeerChannels for NamedChannels {
    fn forget(&self, _: &str, _: &PeerExpectation) {}

    fn channel(&self, address: &str, _: PeerExpectation) -> Channel {
        let (address, name) = (address.to_owned(), self.0.clone());
        let endpoint = Endpoint::from_static("http://peer.test");
        endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
            let (address, name) = (address.clone(), name.clone());
            async move {
                let mut stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                stream.write_all(name.as_bytes()).await?;
                Ok::<_, std::io::Error>(TokioIo::new(stream))
            }
        }))
    }
}

#[derive(Clone)]
struct Caller(String);

struct Named {
    stream: TcpStream,
    caller: Caller,
}

impl Connected for Named {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Named {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Named {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Answers a touch with the length of its session id.
struct Lengths;

impl ForwardHandler for Lengths {
    fn answer(
        &self,
        calls: BoxStream<'static, Result<PipelineRequest, Status>>,
    ) -> BoxStream<'static, Result<PipelineResponse, Status>> {
        let answers = calls.map(|request| {
            let replies = request?.calls.into_iter().map(|call| {
                let Some(Call::Touch(touch)) = call.call else { panic!("another kind of call") };
                let expires_at_ms = touch.session_id.len() as u64;
                let reply = TouchResponse { expires_at_ms, ..TouchResponse::default() };
                PipelineReply { id: call.id, reply: Some(Reply::Touch(reply)) }
            });
            Ok(PipelineResponse { replies: replies.collect() })
        });
        answers.boxed()
    }
}
