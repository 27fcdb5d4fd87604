//! TLS 1.3 with certificates on both sides, for clients and nodes alike.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde::{Deserialize, Serialize};

use super::identity::{IdentityError, PeerIdentity};
use crate::env::Clock;

/// Where a node's TLS material is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The node's certificate chain, PEM. Its one URI name is the node's identity.
    pub cert_file: PathBuf,
    /// The certificate's private key, PEM.
    pub key_file: PathBuf,
    /// The authority that signs nodes and clients of this cluster, PEM.
    pub ca_file: PathBuf,
}

/// A node's TLS, ready for use.
#[derive(Clone)]
pub struct NodeTls {
    /// For accepting.
    pub server: Arc<ServerConfig>,
    /// For connecting to other nodes.
    pub client: Arc<ClientConfig>,
    /// The cluster that every peer's certificate must name.
    pub cluster_id: Arc<str>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or is not what it should be.
    #[error("cannot read {what} from {path}: {detail}")]
    File {
        /// Certificate, key or authority.
        what: &'static str,
        /// The file.
        path: String,
        /// What was wrong.
        detail: String,
    },
    /// The pieces do not fit together.
    #[error("the TLS files cannot be used: {0}")]
    Unusable(String),
    /// The node's own certificate names nobody.
    #[error("the node's own certificate {path}: {reason}")]
    Identity {
        /// The file.
        path: String,
        /// Why.
        reason: IdentityError,
    },
    /// The node's own certificate names somebody else.
    #[error("the node's own certificate {path} is for {actual}; the configuration says {expected}")]
    OtherNode {
        /// The file.
        path: String,
        /// Who the certificate names.
        actual: PeerIdentity,
        /// Who the node is.
        expected: PeerIdentity,
    },
}

impl NodeTls {
    /// Loads the files and checks that the certificate is the node's own.
    ///
    /// # Errors
    /// If a file cannot be used or the certificate names another node, region or cluster.
    pub fn load(
        files: &TlsFiles,
        cluster_id: &str,
        own: &PeerIdentity,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let chain = certificates("the certificate", &files.cert_file)?;
        let key = PrivateKeyDer::from_pem_file(&files.key_file)
            .map_err(|error| file_error("the private key", &files.key_file, &error))?;
        check_own_identity(&files.cert_file, &chain, cluster_id, own)?;
        let mut roots = RootCertStore::empty();
        for authority in certificates("the certificate authority", &files.ca_file)? {
            roots.add(authority).map_err(unusable)?;
        }
        let parts = Parts { roots: Arc::new(roots), chain, key, clock };
        let (server, client) = (parts.server()?, parts.client()?);
        Ok(Self { server: Arc::new(server), client: Arc::new(client), cluster_id: Arc::from(cluster_id) })
    }
}

struct Parts {
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clock: Arc<dyn Clock>,
}

impl Parts {
    fn server(&self) -> Result<ServerConfig, TlsError> {
        let provider = provider();
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots.clone(), provider.clone())
            .build()
            .map_err(unusable)?;
        let mut config = ServerConfig::builder_with_details(provider, self.time())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unusable)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }

    fn client(&self) -> Result<ClientConfig, TlsError> {
        let provider = provider();
        let verifier = WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider.clone())
            .build()
            .map_err(unusable)?;
        let mut config = ClientConfig::builder_with_details(provider, self.time())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unusable)?
            .with_webpki_verifier(verifier)
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }

    fn time(&self) -> Arc<dyn TimeProvider> {
        Arc::new(SeamTime(self.clock.clone()))
    }
}

/// Certificates are judged by the node's clock, which the simulation controls.
struct SeamTime(Arc<dyn Clock>);

impl std::fmt::Debug for SeamTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeamTime")
    }
}

impl TimeProvider for SeamTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.wall_ms())))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn check_own_identity(
    path: &Path,
    chain: &[CertificateDer<'_>],
    cluster_id: &str,
    own: &PeerIdentity,
) -> Result<(), TlsError> {
    let path = path.display().to_string();
    let leaf = chain.first().map_or(&[][..], |leaf| leaf.as_ref());
    let actual = PeerIdentity::from_certificate(leaf, cluster_id)
        .map_err(|reason| TlsError::Identity { path: path.clone(), reason })?;
    if actual == *own { Ok(()) } else { Err(TlsError::OtherNode { path, actual, expected: own.clone() }) }
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = read.map_err(|error| file_error(what, path, &error))?;
    if chain.is_empty() {
        return Err(file_error(what, path, &"no PEM certificate in it"));
    }
    Ok(chain)
}

fn file_error(what: &'static str, path: &Path, detail: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { what, path: path.display().to_string(), detail: detail.to_string() }
}

fn unusable(error: impl std::fmt::Display) -> TlsError {
    TlsError::Unusable(error.to_string())
}
