//! The same TLS as between clients and nodes, for bare servers and channels.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::cli::cluster::ClusterState;
use crate::cli::error::CliError;

/// The windows of a node; the client library's differ only in size.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 2 << 20;
/// As above, for a whole connection.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// The server's side of a handshake: TLS 1.3, certificates on both sides.
pub(crate) fn server(ca: &Path, cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, CliError> {
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots(ca)?), provider.clone()).build();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| unusable(ca, error))?
        .with_client_cert_verifier(verifier.map_err(|error| unusable(ca, error))?)
        .with_single_cert(certificates(cert)?, private_key(key)?)
        .map_err(|error| unusable(cert, error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

/// A channel to `host:port` with the certificate of the cluster's client.
pub(crate) async fn channel(state: &ClusterState, address: &str) -> Result<Channel, CliError> {
    let tls = TlsConnector::from(client(state)?);
    let target = address.to_owned();
    let unreachable = |error| CliError::Unreachable(format!("cannot connect to {address}: {error}"));
    Endpoint::from_shared(format!("http://{address}"))
        .map_err(unreachable)?
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .connect_with_connector(service_fn(move |_: Uri| {
            let (tls, target) = (tls.clone(), target.clone());
            async move {
                let stream = TcpStream::connect(target).await?;
                stream.set_nodelay(true)?;
                let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
                Ok::<_, std::io::Error>(TokioIo::new(tls.connect(name, stream).await?))
            }
        }))
        .await
        .map_err(unreachable)
}

fn client(state: &ClusterState) -> Result<Arc<ClientConfig>, CliError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| unusable(&state.cert_file, error))?
        .with_root_certificates(roots(&state.ca_file)?)
        .with_client_auth_cert(certificates(&state.cert_file)?, private_key(&state.key_file)?)
        .map_err(|error| unusable(&state.cert_file, error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn roots(file: &Path) -> Result<RootCertStore, CliError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| unusable(file, error))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, CliError> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    found.map_err(|error| unusable(file, error))
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, CliError> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| unusable(file, error))
}

fn unusable(file: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::Failed(format!("cannot use {}: {error}", file.display()))
}
