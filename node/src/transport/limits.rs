//! Limits of connections, each with its default.

use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

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

impl TransportLimits {
    /// Refuses what cannot work.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
        let times_ms = [
            ("handshake_timeout_ms", self.handshake_timeout_ms),
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("keepalive_interval_ms", self.keepalive_interval_ms),
            ("keepalive_timeout_ms", self.keepalive_timeout_ms),
        ];
        for (field, value_ms) in times_ms {
            ConfigError::check_range(&format!("transport.{field}"), value_ms, 1, DAY_MS)?;
        }
        // HTTP/2 windows are 31 bits wide.
        let numbers = [
            ("streams_per_connection_max", self.streams_per_connection_max, 1, 1 << 20),
            ("header_list_bytes_max", self.header_list_bytes_max, 1 << 10, 1 << 20),
            ("stream_window_bytes", self.stream_window_bytes, 1 << 16, i32::MAX as u32),
            ("connection_window_bytes", self.connection_window_bytes, 1 << 16, i32::MAX as u32),
        ];
        for (field, value, least, most) in numbers {
            ConfigError::check_range(&format!("transport.{field}"), value, least, most)?;
        }
        let sizes = [
            ("connections_max", self.connections_max, 1, 1 << 20),
            ("message_bytes_max", self.message_bytes_max, 1 << 10, 64 << 20),
            ("pending_resets_max", self.pending_resets_max, 1, 1 << 16),
        ];
        for (field, value, least, most) in sizes {
            ConfigError::check_range(&format!("transport.{field}"), value, least, most)?;
        }
        Ok(())
    }
}
