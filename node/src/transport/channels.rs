//! Channels to other nodes: lazily connected, TLS, the peer's identity checked.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};

use super::limits::TransportLimits;
use crate::env::{Connection, Environment};
use crate::security::{IdentityError, NodeTls, PeerIdentity};

/// Who must answer at the other end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerExpectation {
    /// One certain node.
    Node {
        /// Its name.
        name: String,
        /// Its region.
        region: String,
    },
    /// Any node of this cluster, for joining through a seed.
    AnyNode,
}

/// Opens channels to other nodes.
pub trait PeerChannels: Send + Sync + 'static {
    /// A channel to `host:port`. It connects on first use and again after each
    /// loss, and is shared by everybody who asks for the same address and peer.
    fn channel(&self, address: &str, expect: PeerExpectation) -> Channel;

    /// Whoever asks next gets a new connection: this one has been silent for too long.
    /// Who holds the old one keeps it until it breaks.
    fn forget(&self, address: &str, expect: &PeerExpectation);
}

/// Addresses to use in place of the advertised ones: region → name → `host:port`.
pub type PeerRoutes = BTreeMap<String, BTreeMap<String, String>>;

/// Channels over TLS and the network seam.
pub struct TlsChannels {
    dialer: Arc<Dialer>,
    routes: PeerRoutes,
    open: Mutex<BTreeMap<(String, PeerExpectation), Channel>>,
}

struct Dialer {
    env: Environment,
    tls: NodeTls,
    limits: TransportLimits,
}

impl TlsChannels {
    /// Channels with this node's certificate.
    #[must_use]
    pub fn new(env: Environment, tls: NodeTls, limits: TransportLimits, routes: PeerRoutes) -> Self {
        Self { dialer: Arc::new(Dialer { env, tls, limits }), routes, open: Mutex::default() }
    }

    fn route<'a>(&'a self, address: &'a str, expect: &PeerExpectation) -> &'a str {
        match expect {
            PeerExpectation::Node { name, region } => {
                self.routes.get(region).and_then(|nodes| nodes.get(name)).map_or(address, String::as_str)
            }
            PeerExpectation::AnyNode => address,
        }
    }
}

impl PeerChannels for TlsChannels {
    fn channel(&self, address: &str, expect: PeerExpectation) -> Channel {
        let address = self.route(address, &expect).to_owned();
        let mut open = self.open.lock();
        if let Some(channel) = open.get(&(address.clone(), expect.clone())) {
            return channel.clone();
        }
        let channel = self.dialer.clone().channel(address.clone(), expect.clone());
        open.insert((address, expect), channel.clone());
        channel
    }

    fn forget(&self, address: &str, expect: &PeerExpectation) {
        let address = self.route(address, expect).to_owned();
        self.open.lock().remove(&(address, expect.clone()));
    }
}

impl Dialer {
    fn channel(self: Arc<Self>, address: String, expect: PeerExpectation) -> Channel {
        let limits = &self.limits;
        // The URI only names the authority of requests; the connector below dials `address`.
        let endpoint = Endpoint::from_static("http://peer.sojourn.internal")
            .connect_timeout(Duration::from_millis(limits.connect_timeout_ms))
            .initial_stream_window_size(limits.stream_window_bytes)
            .initial_connection_window_size(limits.connection_window_bytes)
            .http2_max_header_list_size(limits.header_list_bytes_max)
            .http2_keep_alive_interval(Duration::from_millis(limits.keepalive_interval_ms))
            .keep_alive_timeout(Duration::from_millis(limits.keepalive_timeout_ms))
            .keep_alive_while_idle(true);
        endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
            let (dialer, address, expect) = (self.clone(), address.clone(), expect.clone());
            async move { dialer.connect(&address, &expect).await.map(TokioIo::new) }
        }))
    }

    async fn connect(
        &self,
        address: &str,
        expect: &PeerExpectation,
    ) -> io::Result<TlsStream<Box<dyn Connection>>> {
        let host = server_name(address)?;
        let connection = self.env.network.connect(address).await?;
        let connector = TlsConnector::from(self.tls.client.clone());
        let stream = connector.connect(host, connection).await.inspect_err(|error| {
            tracing::warn!(address, %error, "TLS handshake with a node failed");
        })?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        match check(leaf.map(AsRef::as_ref), &self.tls.cluster_id, expect) {
            Ok(()) => Ok(stream),
            Err(reason) => {
                tracing::warn!(address, reason, "refused a connection to a node");
                Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
            }
        }
    }
}

fn check(leaf: Option<&[u8]>, cluster_id: &str, expect: &PeerExpectation) -> Result<(), String> {
    let identity = leaf
        .ok_or(IdentityError::Missing)
        .and_then(|leaf| PeerIdentity::from_certificate(leaf, cluster_id))
        .map_err(|error| error.to_string())?;
    match (&identity, expect) {
        (PeerIdentity::Node { .. }, PeerExpectation::AnyNode) => Ok(()),
        (
            PeerIdentity::Node { name, region },
            PeerExpectation::Node { name: wanted, region: wanted_region },
        ) if name == wanted && region == wanted_region => Ok(()),
        (_, PeerExpectation::AnyNode) => Err(format!("expected a node, {identity} answered")),
        (_, PeerExpectation::Node { name, region }) => {
            Err(format!("expected node {name} of region {region}, {identity} answered"))
        }
    }
}

fn server_name(address: &str) -> io::Result<ServerName<'static>> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, format!("{address:?} is not host:port"));
    let (host, _) = address.rsplit_once(':').ok_or_else(invalid)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(|_| invalid())
}
