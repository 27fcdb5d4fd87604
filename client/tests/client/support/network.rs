//! Connections in memory.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use sojourn_client::{Connection, Connector, TlsConfig};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, copy_bidirectional};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

const BUFFER_BYTES: usize = 64 << 10;

/// Every listening node by its address.
#[derive(Clone, Default)]
pub(crate) struct MemoryNetwork {
    listeners: Arc<Mutex<BTreeMap<String, mpsc::UnboundedSender<DuplexStream>>>>,
    /// What carries bytes to each address.
    cables: Arc<Mutex<BTreeMap<String, Vec<AbortHandle>>>>,
}

impl MemoryNetwork {
    pub(crate) fn listen(&self, address: &str) -> mpsc::UnboundedReceiver<DuplexStream> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.listeners.lock().unwrap().insert(address.to_owned(), sender);
        receiver
    }

    /// Breaks all connections to an address and refuses new ones.
    pub(crate) fn cut(&self, address: &str) {
        self.listeners.lock().unwrap().remove(address);
        let cables = self.cables.lock().unwrap().remove(address);
        cables.into_iter().flatten().for_each(|cable| cable.abort());
    }
}

impl Connector for MemoryNetwork {
    fn connect<'a>(&'a self, authority: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Connection>>> {
        Box::pin(async move {
            let refused = || io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens");
            let listener = self.listeners.lock().unwrap().get(authority).cloned().ok_or_else(refused)?;
            let (ours, mut near) = tokio::io::duplex(BUFFER_BYTES);
            let (mut far, theirs) = tokio::io::duplex(BUFFER_BYTES);
            let cable = tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
            let mut cables = self.cables.lock().unwrap();
            cables.entry(authority.to_owned()).or_default().push(cable.abort_handle());
            listener.send(theirs).map_err(|_| refused())?;
            Ok(Box::new(ours) as Box<dyn Connection>)
        })
    }
}

/// How a node takes TLS connections.
pub(crate) fn acceptor(identity: &TlsConfig) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(identity.ca_pem.as_bytes()).unwrap()).unwrap();
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let chain = vec![CertificateDer::from_pem_slice(identity.cert_pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// A connection as tonic's server takes it.
pub(crate) struct Secure(pub(crate) TlsStream<DuplexStream>);

impl Connected for Secure {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Secure {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Secure {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
