//! Accepts connections: TLS handshakes side by side, bounded, timed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::limits::TransportLimits;
use crate::env::{Connection, Environment, Listener};
use crate::security::{IdentityError, NodeTls, PeerIdentity};

/// How long to wait after a failed accept (for example: out of file descriptors).
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// What is known of a connection: the caller, or why its certificate was not accepted.
#[derive(Clone, Debug)]
pub struct PeerConnection {
    /// The verified caller; calls of an error are answered with UNAUTHENTICATED.
    pub identity: Result<PeerIdentity, Arc<IdentityError>>,
}

/// One accepted connection.
pub(super) struct Accepted {
    stream: TlsStream<Box<dyn Connection>>,
    peer: PeerConnection,
    _permit: OwnedSemaphorePermit,
}

impl Connected for Accepted {
    type ConnectInfo = PeerConnection;

    fn connect_info(&self) -> PeerConnection {
        self.peer.clone()
    }
}

/// Starts accepting; ends when the receiver is dropped.
pub(super) fn accept(
    mut listener: Box<dyn Listener>,
    tls: NodeTls,
    limits: &TransportLimits,
    env: &Environment,
) -> mpsc::Receiver<io::Result<Accepted>> {
    let (sender, receiver) = mpsc::channel(16);
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let timeout = Duration::from_millis(limits.handshake_timeout_ms);
    let spawn = env.spawn.clone();
    env.spawn.spawn(
        "transport.accept",
        Box::pin(async move {
            loop {
                let Ok(permit) = permits.clone().acquire_owned().await else { return };
                let (connection, from) = tokio::select! {
                    () = sender.closed() => return,
                    accepted = listener.accept() => match accepted {
                        Ok(accepted) => accepted,
                        Err(error) => {
                            tracing::warn!(%error, "cannot accept a connection");
                            tokio::time::sleep(ACCEPT_RETRY).await;
                            continue;
                        }
                    }
                };
                let (tls, sender) = (tls.clone(), sender.clone());
                let handshake = async move {
                    let shaken = tokio::time::timeout(timeout, handshake(connection, &tls, &from, permit));
                    if let Ok(Some(accepted)) = shaken.await {
                        // The receiver is gone only at shutdown.
                        let _ = sender.send(Ok(accepted)).await;
                    }
                };
                spawn.spawn("transport.handshake", Box::pin(handshake));
            }
        }),
    );
    receiver
}

async fn handshake(
    connection: Box<dyn Connection>,
    tls: &NodeTls,
    from: &str,
    permit: OwnedSemaphorePermit,
) -> Option<Accepted> {
    let stream = match TlsAcceptor::from(tls.server.clone()).accept(connection).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(from, %error, "refused a connection: TLS handshake failed");
            return None;
        }
    };
    let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let identity = leaf
        .ok_or(IdentityError::Missing)
        .and_then(|leaf| PeerIdentity::from_certificate(leaf, &tls.cluster_id))
        .map_err(Arc::new);
    match &identity {
        Ok(peer) => tracing::debug!(from, %peer, "connection accepted"),
        Err(reason) => tracing::warn!(from, %reason, "refused the certificate of a connection"),
    }
    Some(Accepted { stream, peer: PeerConnection { identity }, _permit: permit })
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
