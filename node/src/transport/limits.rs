//! Limits of connections, each with its default.

use serde::{Deserialize, Serialize};

/// Limits of connections. All are enforced on every connection, of nodes too.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransportLimits {
    /// Connections accepted at the same time; further ones wait in the backlog.
    pub connections_max: usize,
    /// How long a TLS handshake may take, in milliseconds.
    pub handshake_timeout_ms: u64,
    /// How long connecting to another node may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Calls and streams under way on one connection.
    pub streams_per_connection_max: u32,
    /// Header list of a request, in bytes.
    pub header_list_bytes_max: u32,
    /// One message, either way, in bytes.
    pub message_bytes_max: usize,
    /// Flow control window of one stream, in bytes.
    pub stream_window_bytes: u32,
    /// Flow control window of one connection, in bytes.
    pub connection_window_bytes: u32,
    /// Streams that a caller reset and the node has not yet forgotten.
    pub pending_resets_max: usize,
    /// Time between keep-alive pings, in milliseconds.
    pub keepalive_interval_ms: u64,
    /// How long a ping may stay unanswered, in milliseconds.
    pub keepalive_timeout_ms: u64,
    /// After this long a client is asked to connect anew, in milliseconds. 0: never.
    pub connection_age_max_ms: u64,
    /// How long what is under way may take to finish after that, in milliseconds.
    pub connection_age_grace_ms: u64,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            handshake_timeout_ms: 10_000,
            connect_timeout_ms: 5_000,
            streams_per_connection_max: 1_024,
            header_list_bytes_max: 16 * 1024,
            message_bytes_max: 4 * 1024 * 1024,
            stream_window_bytes: 2 * 1024 * 1024,
            connection_window_bytes: 8 * 1024 * 1024,
            pending_resets_max: 64,
            keepalive_interval_ms: 10_000,
            keepalive_timeout_ms: 5_000,
            connection_age_max_ms: 24 * 60 * 60 * 1_000,
            connection_age_grace_ms: 60_000,
        }
    }
}
