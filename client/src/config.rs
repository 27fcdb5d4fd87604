//! How a client is set up.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use thiserror::Error;

use crate::cache::ReadCacheConfig;

/// What is wrong with a configuration.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A field has a value that it must not have.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field of [`ClientConfig`], or of what else was configured.
        field: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// A file could not be read.
    #[error("cannot read {file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What the operating system says.
        problem: String,
    },
}

/// The client's certificate and the authority it trusts, all as PEM text.
///
/// The certificate names the client by one URI, `sojourn://<cluster_id>/client/<name>`.
/// `Debug` does not show the key.
#[derive(Clone, Default)]
pub struct TlsConfig {
    /// Certificates of the authority that signed the nodes' certificates.
    pub ca_pem: String,
    /// The client's certificate, then any intermediate ones.
    pub cert_pem: String,
    /// The client's private key (PKCS#8, SEC1 or PKCS#1).
    pub key_pem: String,
}

impl TlsConfig {
    /// Reads the three from files.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn from_files(ca: &Path, cert: &Path, key: &Path) -> Result<Self, ConfigError> {
        Ok(Self { ca_pem: read(ca)?, cert_pem: read(cert)?, key_pem: read(key)? })
    }
}

fn read(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file)
        .map_err(|error| ConfigError::File { file: file.display().to_string(), problem: error.to_string() })
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConfig(..)")
    }
}

/// Everything that a client needs to know. Every field has a default except
/// the first three; set fields directly or with the methods of the same name.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// `host:port` of a few nodes; any that answers tells about the others.
    pub endpoints: Vec<String>,
    /// The cluster; a node whose certificate names another one is refused.
    pub cluster_id: String,
    /// The client's certificate and the authority it trusts.
    pub tls: TlsConfig,
    /// The region whose nodes are asked first. Default: that of the first node that answers.
    pub region: Option<String>,
    /// Streams kept open to each node in use, 1 to 64. Default 2.
    pub streams_per_node: usize,
    /// How long a call may take with all its retries, in milliseconds. Default 5 000.
    pub request_timeout_ms: u32,
    /// How long one attempt may take before another node is asked, in
    /// milliseconds. Default 1 000. A call that waits for other replicas (a
    /// consistency above `LocalOne`, or a causal token) has its whole time.
    pub attempt_timeout_ms: u32,
    /// How long making a connection may take, in milliseconds. Default 2 000.
    pub connect_timeout_ms: u32,
    /// Attempts after the first one. Default 4.
    pub retries_max: u32,
    /// The first pause between attempts, in milliseconds; doubles each time. Default 10.
    pub backoff_base_ms: u32,
    /// The longest pause between attempts, in milliseconds. Default 1 000.
    pub backoff_max_ms: u32,
    /// Calls under way on one stream; more of them wait. Default 1 024.
    pub in_flight_max: usize,
    /// Bytes of calls waiting to be sent on one stream; more are refused with
    /// [`Error::Overloaded`](crate::Error::Overloaded). Default 16 MiB.
    pub queue_bytes_max: usize,
    /// The largest call, in bytes; a larger one is refused with
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) before it is sent. Keep
    /// it below what nodes accept as one message (4 MiB by default). Default 2 MiB.
    pub call_bytes_max: usize,
    /// Calls packed into one message. Default 256.
    pub batch_calls_max: usize,
    /// Bytes packed into one message (a single larger call goes alone). Default 256 KiB.
    pub batch_bytes_max: usize,
    /// The largest answer message accepted, in bytes. Default 16 MiB.
    pub message_bytes_max: usize,
    /// Where to connect in place of an address that a node advertises. Default: none.
    pub address_overrides: BTreeMap<String, String>,
    /// Answers reads from what was read a moment ago; what others write, logouts
    /// above all, is then seen a stated time later. Default: none, every read asks a node.
    pub read_cache: Option<ReadCacheConfig>,
}

impl ClientConfig {
    /// Defaults for everything but the endpoints (`host:port`), cluster and identity.
    pub fn new<E: Into<String>>(
        endpoints: impl IntoIterator<Item = E>,
        cluster_id: impl Into<String>,
        tls: TlsConfig,
    ) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            cluster_id: cluster_id.into(),
            tls,
            region: None,
            streams_per_node: 2,
            request_timeout_ms: 5_000,
            attempt_timeout_ms: 1_000,
            connect_timeout_ms: 2_000,
            retries_max: 4,
            backoff_base_ms: 10,
            backoff_max_ms: 1_000,
            in_flight_max: 1_024,
            queue_bytes_max: 16 << 20,
            call_bytes_max: 2 << 20,
            batch_calls_max: 256,
            batch_bytes_max: 256 << 10,
            message_bytes_max: 16 << 20,
            address_overrides: BTreeMap::new(),
            read_cache: None,
        }
    }

    /// Sets the region whose nodes are asked first.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the streams kept open to each node in use.
    #[must_use]
    pub fn streams_per_node(mut self, streams: usize) -> Self {
        self.streams_per_node = streams;
        self
    }

    /// Sets how long a call may take with all its retries.
    #[must_use]
    pub fn request_timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.request_timeout_ms = timeout_ms;
        self
    }

    /// Sets how long one attempt may take before another node is asked.
    #[must_use]
    pub fn attempt_timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.attempt_timeout_ms = timeout_ms;
        self
    }

    /// Sets the number of attempts after the first one.
    #[must_use]
    pub fn retries_max(mut self, retries: u32) -> Self {
        self.retries_max = retries;
        self
    }

    /// Connects to `actual` wherever a node advertises `advertised`.
    #[must_use]
    pub fn address_override(mut self, advertised: impl Into<String>, actual: impl Into<String>) -> Self {
        self.address_overrides.insert(advertised.into(), actual.into());
        self
    }

    /// Answers reads from what was read a moment ago.
    #[must_use]
    pub fn read_cache(mut self, cache: ReadCacheConfig) -> Self {
        self.read_cache = Some(cache);
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field that has a value it must not have, and what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check("endpoints", !self.endpoints.is_empty(), "give at least one host:port")?;
        for endpoint in self.endpoints.iter().chain(self.address_overrides.values()) {
            check("endpoints", is_host_port(endpoint), &format!("{endpoint:?} is not host:port"))?;
        }
        check("cluster_id", !self.cluster_id.is_empty(), "must not be empty")?;
        check("region", self.region.as_deref() != Some(""), "must not be empty; leave it out instead")?;
        check("streams_per_node", (1..=64).contains(&self.streams_per_node), "must be 1 to 64")?;
        let positive = [
            ("request_timeout_ms", u64::from(self.request_timeout_ms)),
            ("attempt_timeout_ms", u64::from(self.attempt_timeout_ms)),
            ("connect_timeout_ms", u64::from(self.connect_timeout_ms)),
            ("backoff_base_ms", u64::from(self.backoff_base_ms)),
            ("in_flight_max", self.in_flight_max as u64),
            ("queue_bytes_max", self.queue_bytes_max as u64),
            ("call_bytes_max", self.call_bytes_max as u64),
            ("batch_calls_max", self.batch_calls_max as u64),
            ("batch_bytes_max", self.batch_bytes_max as u64),
            ("message_bytes_max", self.message_bytes_max as u64),
        ];
        for (field, value) in positive {
            check(field, value > 0, "must be at least 1")?;
        }
        self.read_cache.as_ref().map_or(Ok(()), ReadCacheConfig::validate)?;
        check("in_flight_max", self.in_flight_max <= 1 << 20, "must be at most 1048576")?;
        check(
            "backoff_max_ms",
            self.backoff_max_ms >= self.backoff_base_ms,
            "must be at least backoff_base_ms",
        )
    }
}

pub(crate) fn check(field: &'static str, holds: bool, problem: &str) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError::Invalid { field, problem: problem.to_owned() }) }
}

fn is_host_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}
