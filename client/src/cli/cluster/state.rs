//! The file by which other commands find a local cluster.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::dev_ca::{CLIENT_NAME, TlsDir};
use crate::cli::error::CliError;

/// Its name inside the cluster's folder.
const FILE: &str = "cluster.json";

/// What other commands need to know. Holds no secret, only where they are.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClusterState {
    /// In every certificate.
    pub(crate) cluster_id: String,
    /// In the order given.
    pub(crate) regions: Vec<String>,
    /// In the order of regions.
    pub(crate) nodes: Vec<NodeEntry>,
    /// The authority's certificate.
    pub(crate) ca_file: PathBuf,
    /// The client's certificate.
    pub(crate) cert_file: PathBuf,
    /// The client's private key.
    pub(crate) key_file: PathBuf,
    /// Where a running `sojourn up` takes commands.
    pub(crate) control_socket: PathBuf,
}

/// One node.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct NodeEntry {
    /// For example "eu-1".
    pub(crate) name: String,
    /// For example "eu".
    pub(crate) region: String,
    /// `host:port`.
    pub(crate) address: String,
}

impl ClusterState {
    /// Reads the file of a folder; none if there is no cluster yet.
    pub(crate) fn find(dir: &Path) -> Result<Option<Self>, CliError> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CliError::file("cannot read", &path, error)),
        };
        let state = serde_json::from_str(&text);
        state.map(Some).map_err(|error| CliError::Failed(format!("{} is damaged: {error}", path.display())))
    }

    /// Reads the file of a folder.
    pub(crate) fn read(dir: &Path) -> Result<Self, CliError> {
        Self::find(dir)?.ok_or_else(|| {
            CliError::Unreachable(format!(
                "there is no cluster in {}; start one with `sojourn up --data {0}`, or name its folder with \
                 --data or SOJOURN_DATA",
                dir.display()
            ))
        })
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), CliError> {
        let (path, fresh) = (dir.join(FILE), dir.join("cluster.json.new"));
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        fs::write(&fresh, text)
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(|error| CliError::file("cannot write", &path, error))
    }

    /// A new cluster in a folder.
    pub(crate) fn new(dir: &Path, regions: Vec<String>, nodes_per_region: u16, base_port: u16) -> Self {
        let named =
            regions.iter().flat_map(|region| (1..=nodes_per_region).map(move |index| (region, index)));
        let nodes = named.zip(base_port..).map(|((region, index), port)| NodeEntry {
            name: format!("{region}-{index}"),
            region: region.clone(),
            address: format!("127.0.0.1:{port}"),
        });
        let tls = TlsDir::new(dir.join("tls"));
        Self {
            cluster_id: "dev".into(),
            nodes: nodes.collect(),
            regions,
            ca_file: tls.ca(),
            cert_file: tls.cert(CLIENT_NAME),
            key_file: tls.key(CLIENT_NAME),
            control_socket: dir.join("control.sock"),
        }
    }

    /// The nodes of one region.
    pub(crate) fn nodes_of<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a NodeEntry> {
        self.nodes.iter().filter(move |node| node.region == region)
    }

    /// Refuses a region that is not there.
    pub(crate) fn check_region(&self, region: &str) -> Result<(), CliError> {
        if self.regions.iter().any(|known| known == region) {
            return Ok(());
        }
        Err(CliError::Usage(format!("no region {region:?}; there are: {}", self.regions.join(", "))))
    }

    /// One node by name.
    pub(crate) fn node(&self, name: &str) -> Result<&NodeEntry, CliError> {
        self.nodes.iter().find(|node| node.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
            CliError::Usage(format!("no node {name:?}; there are: {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_numbered_within_regions_and_ports_go_on() {
        let state = ClusterState::new(Path::new("/x"), vec!["eu".into(), "us".into()], 2, 7001);
        let shown: Vec<String> =
            state.nodes.iter().map(|node| format!("{} {}", node.name, node.address)).collect();
        let expected =
            ["eu-1 127.0.0.1:7001", "eu-2 127.0.0.1:7002", "us-1 127.0.0.1:7003", "us-2 127.0.0.1:7004"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_file_round_trips_and_its_absence_is_explained() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(ClusterState::find(dir.path()).unwrap(), None);
        assert!(ClusterState::read(dir.path()).unwrap_err().to_string().contains("sojourn up"));
        let state = ClusterState::new(dir.path(), vec!["eu".into()], 3, 7001);
        state.write(dir.path()).unwrap();
        assert_eq!(ClusterState::read(dir.path()).unwrap(), state);
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let state = ClusterState::new(Path::new("/x"), vec!["eu".into()], 2, 7001);
        assert!(state.node("eu-9").unwrap_err().to_string().contains("eu-1, eu-2"));
        assert!(state.check_region("mars").unwrap_err().to_string().contains("eu"));
    }
}
