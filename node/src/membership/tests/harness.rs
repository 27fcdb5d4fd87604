//! Nodes whose channels are pipes in memory, and a clock that tokio controls.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Server, Uri};

use crate::env::{Clock, Environment, SharedRng, Spawn, TcpNetwork, TokioSpawn};
use crate::membership::*;
use crate::security::PeerIdentity;
use crate::store::SimDisk;
use crate::transport::{PeerChannels, PeerExpectation};

/// Who answers at which address.
#[derive(Default)]
pub(super) struct Switchboard {
    doors: Mutex<BTreeMap<String, mpsc::UnboundedSender<io::Result<Pipe>>>>,
    machines: Mutex<u64>,
}

/// The server's end of a connection.
pub(super) struct Pipe {
    stream: DuplexStream,
    identity: PeerIdentity,
}

impl Connected for Pipe {
    type ConnectInfo = PeerIdentity;

    fn connect_info(&self) -> PeerIdentity {
        self.identity.clone()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

pub(super) struct TestChannels {
    pub(super) board: Arc<Switchboard>,
    pub(super) identity: PeerIdentity,
    pub(super) open: Mutex<BTreeMap<(String, PeerExpectation), Channel>>,
}

impl PeerChannels for TestChannels {
    fn forget(&self, _: &str, _: &PeerExpectation) {}

    fn channel(&self, address: &str, expect: PeerExpectation) -> Channel {
        let (board, identity, to) = (self.board.clone(), self.identity.clone(), address.to_owned());
        let connect = move |_: Uri| {
            let door = board.doors.lock().get(&to).cloned();
            let (near, stream) = duplex(64 << 10);
            let pipe = Pipe { stream, identity: identity.clone() };
            let taken = door.is_some_and(|door| door.send(Ok(pipe)).is_ok());
            std::future::ready(match taken {
                true => Ok(TokioIo::new(near)),
                false => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
            })
        };
        let open =
            || Endpoint::from_static("http://peer").connect_with_connector_lazy(tower::service_fn(connect));
        self.open.lock().entry((address.to_owned(), expect)).or_insert_with(open).clone()
    }
}

struct TestClock(tokio::time::Instant);

impl Clock for TestClock {
    fn wall_ms(&self) -> u64 {
        0
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Runs disk work at once: the disk is memory, and time must not pass meanwhile.
struct TestSpawn;

impl Spawn for TestSpawn {
    fn spawn(&self, name: &'static str, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        TokioSpawn.spawn(name, task);
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

#[allow(clippy::disallowed_methods, reason = "tokio's time is under control in tests")]
pub(super) fn environment(seed: u64) -> Environment {
    Environment {
        clock: Arc::new(TestClock(tokio::time::Instant::now())),
        rng: SharedRng::from_seed(seed),
        network: Arc::new(TcpNetwork),
        spawn: Arc::new(TestSpawn),
    }
}

/// A machine: its disk outlives its runs.
pub(super) struct Machine {
    pub(super) local: LocalNode,
    pub(super) config: MembershipConfig,
    pub(super) disk: SimDisk,
    pub(super) board: Arc<Switchboard>,
    pub(super) seed: u64,
    running: Option<(Members, CancellationToken)>,
}

impl Machine {
    pub(super) fn new(board: &Arc<Switchboard>, name: &str, region: &str) -> Self {
        let local = LocalNode {
            cluster_id: "dev".to_owned(),
            name: name.to_owned(),
            region: region.to_owned(),
            advertise: format!("{name}:7000"),
            weight: 1,
            bootstrap: name == "eu-1",
            seeds: vec!["eu-1:7000".to_owned(), "us-1:7000".to_owned()],
        };
        let mut machines = board.machines.lock();
        *machines += 1;
        let seed = *machines * 1000;
        drop(machines);
        let config = MembershipConfig { partition_count: 16, ..MembershipConfig::default() };
        Self { local, config, disk: SimDisk::new(), board: board.clone(), seed, running: None }
    }

    pub(super) async fn start(&mut self) -> Result<(), MembershipError> {
        self.seed += 1;
        let identity =
            PeerIdentity::Node { name: self.local.name.clone(), region: self.local.region.clone() };
        let channels = TestChannels { board: self.board.clone(), identity, open: Mutex::default() };
        let store = Arc::new(self.disk.open());
        let members = Members::start(
            self.local.clone(),
            self.config.clone(),
            store,
            environment(self.seed),
            Arc::new(channels),
        )
        .await?;
        let (door, connections) = mpsc::unbounded_channel();
        self.board.doors.lock().insert(self.local.advertise.clone(), door);
        let stop = CancellationToken::new();
        let serve = Server::builder().add_service(members.service()).serve_with_incoming_shutdown(
            UnboundedReceiverStream::new(connections),
            stop.clone().cancelled_owned(),
        );
        TokioSpawn.spawn("server", Box::pin(async move { drop(serve.await) }));
        self.running = Some((members, stop));
        Ok(())
    }

    pub(super) fn members(&self) -> &Members {
        &self.running.as_ref().expect("the machine runs").0
    }

    pub(super) async fn stop(&mut self) {
        if let Some((members, stop)) = self.running.take() {
            self.board.doors.lock().remove(&self.local.advertise);
            stop.cancel();
            members.shutdown().await;
        }
    }

    /// Waits, at most two simulated minutes, until this node's view is as wanted.
    pub(super) async fn until(&self, what: &str, wanted: impl Fn(&Membership) -> bool) -> Arc<Membership> {
        let mut watch = self.members().watch();
        let seen = tokio::time::timeout(Duration::from_secs(120), watch.wait_for(|view| wanted(view)));
        match seen.await {
            Ok(view) => view.expect("the membership runs").clone(),
            Err(_) => panic!("{}: never {what}: {:?}", self.local.name, self.members().current()),
        }
    }
}
