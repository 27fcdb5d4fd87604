//! gRPC channels over the connector and TLS.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use super::connector::{Connection, Connector};
use super::identity::Expected;
use super::tls::Credentials;
use crate::config::{ClientConfig, ConfigError};

/// A silent connection is asked for a sign of life after this long.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// And is given up after this long without one.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
const HEADER_LIST_BYTES_MAX: u32 = 16 << 10;
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

type SecureStream = TokioIo<TlsStream<Box<dyn Connection>>>;

/// Makes channels to nodes.
pub(crate) struct Dialer {
    connector: Arc<dyn Connector>,
    credentials: Credentials,
    cluster_id: String,
    connect_timeout: Duration,
    address_overrides: BTreeMap<String, String>,
}

impl Dialer {
    /// Parses the certificates; connects to nothing.
    ///
    /// # Errors
    /// A certificate or the key is not usable.
    pub(crate) fn new(config: &ClientConfig, connector: Arc<dyn Connector>) -> Result<Self, ConfigError> {
        Ok(Self {
            connector,
            credentials: Credentials::parse(&config.tls)?,
            cluster_id: config.cluster_id.clone(),
            connect_timeout: Duration::from_millis(config.connect_timeout_ms.into()),
            address_overrides: config.address_overrides.clone(),
        })
    }

    /// A channel that connects at its first use, and again after it broke.
    /// `node`: region and name, where they are known.
    ///
    /// # Errors
    /// The address is not `host:port`, or the key does not fit the certificate.
    pub(crate) fn channel(
        &self,
        address: &str,
        node: Option<(String, String)>,
    ) -> Result<Channel, ConfigError> {
        let target = self.address_overrides.get(address).map_or(address, String::as_str).to_owned();
        let expected = Expected { cluster_id: self.cluster_id.clone(), node };
        let tls = TlsConnector::from(Arc::new(self.credentials.towards(expected)?));
        let name = server_name(&target);
        let (connector, limit) = (self.connector.clone(), self.connect_timeout);
        let endpoint = endpoint(&target)?;
        Ok(endpoint.connect_with_connector_lazy(service_fn(move |_: Uri| {
            let (connector, tls) = (connector.clone(), tls.clone());
            let (target, name) = (target.clone(), name.clone());
            async move {
                let secure = connect(&*connector, &tls, &target, name);
                let late = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time"));
                tokio::time::timeout(limit, secure).await.unwrap_or_else(late).map_err(|error| {
                    io::Error::new(error.kind(), format!("cannot connect to {target}: {error}"))
                })
            }
        })))
    }
}

async fn connect(
    connector: &dyn Connector,
    tls: &TlsConnector,
    target: &str,
    name: ServerName<'static>,
) -> io::Result<SecureStream> {
    let stream = connector.connect(target).await?;
    Ok(TokioIo::new(tls.connect(name, stream).await?))
}

fn endpoint(target: &str) -> Result<Endpoint, ConfigError> {
    let problem =
        |_| ConfigError::Invalid { field: "endpoints", problem: format!("{target:?} is not host:port") };
    // Plain `http`: TLS is the connector's business, not tonic's.
    let endpoint = Endpoint::from_shared(format!("http://{target}")).map_err(problem)?;
    Ok(endpoint
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}

/// Sent to the node as a hint only; who it is, its certificate's URI says.
fn server_name(target: &str) -> ServerName<'static> {
    let host = target.rsplit_once(':').map_or(target, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerName::try_from(host).unwrap_or(ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()))
}
