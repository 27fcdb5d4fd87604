//! Who may connect to whom, over real sockets and real TLS.

use std::sync::Arc;
use std::time::Duration;

use crate::support::Authority;
use sojourn_node::env::Environment;
use sojourn_node::security::{NodeTls, PeerIdentity, TlsError, TlsFiles};
use sojourn_node::transport::{
    PeerChannels, PeerExpectation, PeerRoutes, TlsChannels, TransportLimits, serve,
};
use sojourn_proto::membership::v1::RaftRequest;
use sojourn_proto::membership::v1::membership_service_client::MembershipServiceClient;
use tonic::service::Routes;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

const NODE: &str = "sojourn://dev/node/eu/eu-1";

struct World {
    _dir: tempfile::TempDir,
    authority: Authority,
    env: Environment,
    address: String,
}

fn node(name: &str) -> PeerIdentity {
    PeerIdentity::Node { name: name.into(), region: "eu".into() }
}

fn client() -> PeerIdentity {
    PeerIdentity::Client { name: "shop".into() }
}

impl World {
    /// A node `eu-1` that serves health only.
    async fn new(limits: TransportLimits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new(dir.path());
        let env = Environment::real();
        let files = authority.issue("server", &[NODE]);
        let tls = NodeTls::load(&files, "dev", &node("eu-1"), env.clock.clone()).unwrap();
        let listener = env.network.listen("127.0.0.1:0").await.unwrap();
        let address = listener.local_address().unwrap();
        let routes = Routes::new(tonic_health::server::health_reporter().1);
        let serving = env.clone();
        env.spawn.spawn(
            "test.serve",
            Box::pin(async move {
                serve(listener, tls, routes, &limits, &serving, std::future::pending()).await.unwrap();
            }),
        );
        Self { _dir: dir, authority, env, address }
    }

    fn channels(&self, files: &TlsFiles, cluster: &str, own: &PeerIdentity) -> TlsChannels {
        let tls = NodeTls::load(files, cluster, own, self.env.clock.clone()).unwrap();
        TlsChannels::new(self.env.clone(), tls, TransportLimits::default(), PeerRoutes::new())
    }

    async fn check(&self, channels: &TlsChannels, expect: PeerExpectation) -> Result<(), Status> {
        let channel = channels.channel(&self.address, expect);
        let call = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
        call.map(drop)
    }
}

fn eu(name: &str) -> PeerExpectation {
    PeerExpectation::Node { name: name.into(), region: "eu".into() }
}

#[tokio::test]
async fn nodes_and_clients_of_the_cluster_are_served() {
    let world = World::new(TransportLimits::default()).await;
    let files = world.authority.issue("client", &["sojourn://dev/client/shop"]);
    let channels = world.channels(&files, "dev", &client());
    world.check(&channels, PeerExpectation::AnyNode).await.unwrap();
    world.check(&channels, eu("eu-1")).await.unwrap();
}

#[tokio::test]
async fn a_node_with_another_name_is_not_talked_to() {
    let world = World::new(TransportLimits::default()).await;
    let files = world.authority.issue("eu-2", &["sojourn://dev/node/eu/eu-2"]);
    let channels = world.channels(&files, "dev", &node("eu-2"));
    let error = world.check(&channels, eu("eu-3")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    let text = causes(&error).join(": ");
    assert!(text.contains("expected node eu-3 of region eu"), "{text}");
}

#[tokio::test]
async fn a_certificate_of_another_cluster_is_told_so() {
    let world = World::new(TransportLimits::default()).await;
    let files = world.authority.issue("foreign", &["sojourn://prod/client/shop"]);
    // A client that does not mind which cluster answers is needed to see the server's refusal.
    let error = Plain::new(&world, &files).check().await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.message().contains("for cluster \"prod\", this is cluster \"dev\""), "{}", error.message());
    let details = error.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "BAD_CERTIFICATE");
}

#[tokio::test]
async fn a_certificate_without_an_identity_is_refused() {
    let world = World::new(TransportLimits::default()).await;
    for (file, uris) in
        [("none", &[][..]), ("two", &["sojourn://dev/client/a", "sojourn://dev/client/b"][..])]
    {
        let files = world.authority.issue(file, uris);
        let error = Plain::new(&world, &files).check().await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated);
        assert!(error.message().contains("exactly one is allowed"), "{}", error.message());
    }
}

#[tokio::test]
async fn another_authority_is_refused_in_the_handshake() {
    let world = World::new(TransportLimits::default()).await;
    let dir = tempfile::tempdir().unwrap();
    let mut files = Authority::new(dir.path()).issue("client", &["sojourn://dev/client/shop"]);
    files.ca_file = world.authority.issue("trusted", &[]).ca_file;
    let error = Plain::new(&world, &files).check().await.unwrap_err();
    let text = causes(&error).join(": ");
    assert!(text.contains("received fatal alert"), "{text}");
}

#[tokio::test]
async fn clients_may_not_call_what_is_between_nodes() {
    let world = World::new(TransportLimits::default()).await;
    let files = world.authority.issue("client", &["sojourn://dev/client/shop"]);
    let channels = world.channels(&files, "dev", &client());
    let channel = channels.channel(&world.address, PeerExpectation::AnyNode);
    let error = MembershipServiceClient::new(channel).vote(RaftRequest::default()).await.unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    assert_eq!(error.get_error_details().error_info().unwrap().reason, "NODE_CERTIFICATE_REQUIRED");
}

#[tokio::test]
async fn a_node_starts_only_with_its_own_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new(dir.path());
    let files = authority.issue("server", &[NODE]);
    let clock = Environment::real().clock;
    let load =
        |cluster: &str, own: &PeerIdentity| NodeTls::load(&files, cluster, own, clock.clone()).map(drop);
    assert!(load("dev", &node("eu-1")).is_ok());
    assert!(matches!(load("dev", &node("eu-2")), Err(TlsError::OtherNode { .. })));
    assert!(matches!(load("prod", &node("eu-1")), Err(TlsError::Identity { .. })));
    let missing = TlsFiles { ca_file: "none.pem".into(), ..files.clone() };
    let error = NodeTls::load(&missing, "dev", &node("eu-1"), clock).map(drop).unwrap_err();
    assert!(error.to_string().contains("none.pem"), "{error}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let world = World::new(TransportLimits { connections_max: 1, ..TransportLimits::default() }).await;
    let files = world.authority.issue("client", &["sojourn://dev/client/shop"]);
    let first = world.channels(&files, "dev", &client());
    world.check(&first, PeerExpectation::AnyNode).await.unwrap();
    let second = world.channels(&files, "dev", &client());
    let waiting =
        tokio::time::timeout(Duration::from_millis(200), world.check(&second, PeerExpectation::AnyNode));
    assert!(waiting.await.is_err(), "the second connection was served");
    drop(first);
    world.check(&second, PeerExpectation::AnyNode).await.unwrap();
}

/// A client with TLS of its own, which accepts any server that the authority signed.
struct Plain {
    channel: tonic::transport::Channel,
}

impl Plain {
    fn new(world: &World, files: &TlsFiles) -> Self {
        use hyper_util::rt::TokioIo;
        use rustls::pki_types::pem::PemObject;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&files.ca_file).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(&files.cert_file).unwrap()],
                PrivateKeyDer::from_pem_file(&files.key_file).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let (network, address) = (world.env.network.clone(), world.address.clone());
        let connect = tower::service_fn(move |_: tonic::transport::Uri| {
            let (network, address, connector) = (network.clone(), address.clone(), connector.clone());
            async move {
                let connection = network.connect(&address).await?;
                let host = ServerName::try_from("localhost").unwrap();
                connector.connect(host, connection).await.map(TokioIo::new)
            }
        });
        let endpoint = tonic::transport::Endpoint::from_static("http://test");
        Self { channel: endpoint.connect_with_connector_lazy(connect) }
    }

    async fn check(self) -> Result<(), Status> {
        HealthClient::new(self.channel).check(HealthCheckRequest::default()).await.map(drop)
    }
}

/// An error and its causes.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}
