//! Who a node is and where it lives.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use crate::security::PeerIdentity;
use crate::security::identity::valid_name;
use crate::transport::PeerRoutes;

/// Who a node is and where it lives.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// The cluster; in every certificate.
    pub cluster_id: String,
    /// Unique in the cluster; in the node's certificate.
    pub name: String,
    /// In the node's certificate.
    pub region: String,
    /// `host:port` to listen at.
    pub listen: String,
    /// `host:port` where other nodes and clients reach this node; `listen` by default.
    #[serde(default)]
    pub advertise: Option<String>,
    /// Where its data is; belongs to this node alone.
    pub data_dir: PathBuf,
    /// Its share of partitions relative to other nodes of its region, 1 to 1000. Default 1.
    #[serde(default = "one")]
    pub weight: u32,
    /// True on exactly one node of a new cluster; without effect once it has joined.
    #[serde(default)]
    pub bootstrap: bool,
    /// `host:port` of nodes to join through.
    #[serde(default)]
    pub seeds: Vec<String>,
    /// Addresses to use in place of advertised ones: region → name → `host:port`.
    #[serde(default)]
    pub routes: PeerRoutes,
}

/// The cluster's key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFiles {
    /// 32 bytes as 64 hexadecimal digits, the same on all nodes.
    pub cluster_key_file: PathBuf,
}

fn one() -> u32 {
    1
}

impl NodeConfig {
    /// Where others reach this node.
    #[must_use]
    pub fn advertised(&self) -> &str {
        self.advertise.as_deref().unwrap_or(&self.listen)
    }

    /// What its certificate must say.
    #[must_use]
    pub fn identity(&self) -> PeerIdentity {
        PeerIdentity::Node { name: self.name.clone(), region: self.region.clone() }
    }

    pub(super) fn example() -> Self {
        Self {
            cluster_id: "dev".into(),
            name: "eu-1".into(),
            region: "eu".into(),
            listen: "127.0.0.1:7001".into(),
            advertise: Some("127.0.0.1:7001".into()),
            data_dir: "data".into(),
            weight: 1,
            bootstrap: false,
            seeds: vec!["127.0.0.1:7002".into()],
            routes: PeerRoutes::new(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        name("node.cluster_id", &self.cluster_id)?;
        name("node.name", &self.name)?;
        name("node.region", &self.region)?;
        address("node.listen", &self.listen)?;
        address("node.advertise", self.advertised())?;
        ConfigError::check_range("node.weight", self.weight, 1, 1_000)?;
        self.seeds.iter().try_for_each(|seed| address("node.seeds", seed))?;
        let routes = self.routes.values().flat_map(|nodes| nodes.values());
        routes.into_iter().try_for_each(|route| address("node.routes", route))?;
        if !self.bootstrap && self.seeds.is_empty() {
            return Err(ConfigError::OutOfRange {
                field: "node.seeds".into(),
                actual: "empty".into(),
                allowed: "at least one host:port, unless node.bootstrap is true".into(),
            });
        }
        Ok(())
    }
}

fn name(field: &str, value: &str) -> Result<(), ConfigError> {
    out_of_range(valid_name(value), field, value, "1 to 64 characters of [a-z0-9_.-]")
}

fn address(field: &str, value: &str) -> Result<(), ConfigError> {
    let valid =
        value.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    out_of_range(valid, field, value, "host:port")
}

fn out_of_range(valid: bool, field: &str, value: &str, allowed: &str) -> Result<(), ConfigError> {
    if valid {
        return Ok(());
    }
    let (field, actual, allowed) = (field.to_owned(), format!("{value:?}"), allowed.to_owned());
    Err(ConfigError::OutOfRange { field, actual, allowed })
}
