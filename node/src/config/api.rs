//! Limits of calls.

use serde::{Deserialize, Serialize};

use super::error::ConfigError;

/// Limits of calls, with their defaults.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// Take session ids minted by applications' frameworks. Default: no.
    pub adopted_ids_allowed: bool,
    /// How long a call without a deadline may take, in milliseconds.
    pub call_timeout_default_ms: u64,
    /// The longest deadline that is honoured, in milliseconds; longer ones are cut to it.
    pub call_timeout_max_ms: u64,
    /// Calls under way on one `Pipeline` stream; the next one waits.
    pub pipeline_calls_max: usize,
    /// Answers that are put into one message of a `Pipeline`, in bytes, before the last one.
    pub pipeline_message_bytes: usize,
    /// Calls under way in the node that wait for something; further ones are refused.
    pub calls_max: usize,
    /// Ids in one `BatchGet`.
    pub batch_get_items_max: usize,
    /// Change feeds (`Watch`) at one time; further ones are refused. Default 256.
    pub feed_watches_max: usize,
    /// Events that are put into one message of a feed, in bytes, before the last one. Default 64 KiB.
    pub feed_message_bytes: usize,
    /// How often a feed looks for sessions that have expired, in milliseconds. Default 5 000.
    pub feed_expiry_interval_ms: u64,
    /// How often a feed sends cursors that moved without an event, in milliseconds. Default 10 000.
    pub feed_cursor_interval_ms: u64,
    /// How long a stop waits for calls under way, in milliseconds.
    pub drain_timeout_ms: u64,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            adopted_ids_allowed: false,
            call_timeout_default_ms: 5_000,
            call_timeout_max_ms: 60_000,
            pipeline_calls_max: 1_024,
            pipeline_message_bytes: 64 * 1024,
            calls_max: 65_536,
            batch_get_items_max: 256,
            feed_watches_max: 256,
            feed_message_bytes: 64 * 1024,
            feed_expiry_interval_ms: 5_000,
            feed_cursor_interval_ms: 10_000,
            drain_timeout_ms: 5_000,
        }
    }
}

impl ApiConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let day_ms = 24 * 60 * 60 * 1_000;
        let check = ConfigError::check_range::<u64>;
        check("api.call_timeout_default_ms", self.call_timeout_default_ms, 1, self.call_timeout_max_ms)?;
        check("api.call_timeout_max_ms", self.call_timeout_max_ms, 1, day_ms)?;
        check("api.drain_timeout_ms", self.drain_timeout_ms, 0, day_ms)?;
        check("api.feed_expiry_interval_ms", self.feed_expiry_interval_ms, 10, day_ms)?;
        check("api.feed_cursor_interval_ms", self.feed_cursor_interval_ms, 10, day_ms)?;
        let check = ConfigError::check_range::<usize>;
        check("api.feed_watches_max", self.feed_watches_max, 0, 1 << 16)?;
        check("api.feed_message_bytes", self.feed_message_bytes, 1, 1 << 20)?;
        check("api.pipeline_calls_max", self.pipeline_calls_max, 1, 1 << 16)?;
        check("api.pipeline_message_bytes", self.pipeline_message_bytes, 1, 16 << 20)?;
        check("api.calls_max", self.calls_max, 1, 1 << 24)?;
        check("api.batch_get_items_max", self.batch_get_items_max, 1, 256)
    }
}
