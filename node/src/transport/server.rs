//! Serves all of a node's services on one port.

use std::future::Future;
use std::time::Duration;

use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Server;

use super::guard::GuardLayer;
use super::incoming::accept;
use super::limits::TransportLimits;
use crate::env::{Environment, Listener};
use crate::security::NodeTls;

/// Why serving ended early.
#[derive(Debug, thiserror::Error)]
#[error("serving failed: {0}")]
pub struct TransportError(#[from] tonic::transport::Error);

/// Serves until `shutdown` completes, then lets what is under way finish.
///
/// # Errors
/// If the server cannot go on.
pub async fn serve(
    listener: Box<dyn Listener>,
    tls: NodeTls,
    routes: Routes,
    limits: &TransportLimits,
    env: &Environment,
    shutdown: impl Future<Output = ()>,
) -> Result<(), TransportError> {
    let incoming = ReceiverStream::new(accept(listener, tls, limits, env));
    let mut server = Server::builder()
        .layer(GuardLayer)
        .max_concurrent_streams(limits.streams_per_connection_max)
        .http2_max_header_list_size(limits.header_list_bytes_max)
        .http2_max_pending_accept_reset_streams(Some(limits.pending_resets_max))
        .http2_max_local_error_reset_streams(Some(limits.pending_resets_max))
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .http2_keepalive_interval(Some(Duration::from_millis(limits.keepalive_interval_ms)))
        .http2_keepalive_timeout(Some(Duration::from_millis(limits.keepalive_timeout_ms)))
        .max_connection_age_grace(Duration::from_millis(limits.connection_age_grace_ms));
    if limits.connection_age_max_ms > 0 {
        server = server.max_connection_age(Duration::from_millis(limits.connection_age_max_ms));
    }
    server.add_routes(routes).serve_with_incoming_shutdown(incoming, shutdown).await?;
    Ok(())
}
