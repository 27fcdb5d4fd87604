//! The one configuration of a node: every limit and every default, validated at start.

mod api;
mod error;
mod node;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use api::ApiConfig;
pub use error::ConfigError;
pub use node::{KeyFiles, NodeConfig};

use crate::engine::EngineConfig;
use crate::membership::MembershipConfig;
use crate::replication::ReplicationConfig;
use crate::security::TlsFiles;
use crate::session::SessionLimits;
use crate::store::StoreConfig;
use crate::telemetry::TelemetryConfig;
use crate::transport::TransportLimits;

/// Everything that can be set. A file may leave out what has a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who the node is and where it lives.
    pub node: NodeConfig,
    /// Its certificate.
    pub tls: TlsFiles,
    /// The cluster's key.
    pub keys: KeyFiles,
    /// Limits of connections.
    #[serde(default)]
    pub transport: TransportLimits,
    /// Limits of sessions.
    #[serde(default)]
    pub session: SessionLimits,
    /// Memory, log and checkpoints.
    #[serde(default)]
    pub engine: EngineConfig,
    /// The disk.
    #[serde(default)]
    pub store: StoreConfig,
    /// Between nodes: sessions.
    #[serde(default)]
    pub replication: ReplicationConfig,
    /// Between nodes: who belongs to the cluster.
    #[serde(default)]
    pub membership: MembershipConfig,
    /// Limits of calls.
    #[serde(default)]
    pub api: ApiConfig,
    /// Logs.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

impl Config {
    /// Reads and validates a TOML file.
    ///
    /// # Errors
    /// Names the file, and the field with what was given and what is allowed.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: shown.clone(), detail: error.to_string() })?;
        let config = Self::parse(&text).map_err(|error| error.in_file(&shown))?;
        Ok(config)
    }

    /// Parses and validates TOML.
    ///
    /// # Errors
    /// Names the field with what was given and what is allowed.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| malformed(text, &error))?;
        config.validate()?;
        Ok(config)
    }

    /// Refuses what cannot work.
    ///
    /// # Errors
    /// Names the field with what was given and what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.node.validate()?;
        self.transport.validate()?;
        section("session", self.session.validate())?;
        section("engine", self.engine.validate())?;
        section("store", self.store.validate())?;
        section("replication", self.replication.validate())?;
        section("membership", self.membership.validate())?;
        self.api.validate()
    }

    /// A complete file with every default, and examples where there is none.
    #[must_use]
    pub fn default_text() -> String {
        let example = Self {
            node: NodeConfig::example(),
            tls: TlsFiles {
                cert_file: "node.pem".into(),
                key_file: "node.key".into(),
                ca_file: "ca.pem".into(),
            },
            keys: KeyFiles { cluster_key_file: "cluster.key".into() },
            transport: TransportLimits::default(),
            session: SessionLimits::default(),
            engine: EngineConfig::default(),
            store: StoreConfig::default(),
            replication: ReplicationConfig::default(),
            membership: MembershipConfig::default(),
            api: ApiConfig::default(),
            telemetry: TelemetryConfig::default(),
        };
        toml::to_string(&example).unwrap_or_default()
    }
}

/// One line, where the parser would draw a picture.
fn malformed(text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| 1 + before.matches('\n').count());
    ConfigError::Malformed { line, detail: error.message().replace('\n', " ") }
}

fn section<E: std::fmt::Display>(section: &'static str, outcome: Result<(), E>) -> Result<(), ConfigError> {
    outcome.map_err(|error| ConfigError::Section { section, detail: error.to_string() })
}

#[cfg(test)]
mod tests;
