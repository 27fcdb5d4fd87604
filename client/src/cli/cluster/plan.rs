//! What a local cluster consists of: which nodes, with which files.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rand::{Rng, RngCore};
use serde::Serialize;

use super::state::{ClusterState, NodeEntry};
use crate::cli::args::ClusterShape;
use crate::cli::dev_ca::{TlsDir, make_private_dir, write_private};
use crate::cli::error::CliError;
use crate::cli::host;
use crate::cli::wan::Shape;

const REGIONS_DEFAULT: [&str; 3] = ["eu", "us", "ap"];
const NODES_DEFAULT: u16 = 3;
const BASE_PORT_DEFAULT: u16 = 7001;

/// Where one node connects to instead of the advertised addresses: region → name → address.
pub(crate) type Routes = BTreeMap<String, BTreeMap<String, String>>;

/// A local cluster, before its processes run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// What other commands see of it.
    pub(crate) state: ClusterState,
    /// The links between regions.
    pub(crate) shape: Shape,
}

impl Plan {
    /// The cluster that the folder holds already, or a new one.
    pub(crate) fn new(dir: &Path, shape: &ClusterShape, base_port: Option<u16>) -> Result<Self, CliError> {
        make_private_dir(dir)?;
        let dir = fs::canonicalize(dir).map_err(|error| CliError::file("cannot find", dir, error))?;
        let state = match ClusterState::find(&dir)? {
            Some(state) => known(state, &dir, shape, base_port)?,
            None => fresh(&dir, shape, base_port)?,
        };
        let link = Shape { delay: shape.wan, jitter: shape.wan_jitter, bandwidth_bytes: shape.wan_bandwidth };
        Ok(Self { dir, state, shape: link })
    }

    /// Makes certificates and the cluster key, unless they are there.
    pub(crate) fn prepare(&self) -> Result<(), CliError> {
        let nodes: Vec<(String, String)> =
            self.state.nodes.iter().map(|node| (node.region.clone(), node.name.clone())).collect();
        self.tls().prepare(&self.state.cluster_id, &nodes)?;
        for folder in ["nodes", "config", "logs"] {
            make_private_dir(&self.dir.join(folder))?;
        }
        let key = self.cluster_key();
        if !key.exists() {
            write_private(&key, &random_hex())?;
        }
        self.state.write(&self.dir)
    }

    /// Writes a node's configuration and says where it is.
    pub(crate) fn write_config(&self, node: &NodeEntry, routes: &Routes) -> Result<PathBuf, CliError> {
        let path = self.dir.join("config").join(format!("{}.toml", node.name));
        let text = toml::to_string(&self.config(node, routes)).map_err(|error| {
            CliError::Failed(format!("cannot write the configuration of {}: {error}", node.name))
        })?;
        write_private(&path, &text)?;
        Ok(path)
    }

    /// Where a node's output goes.
    pub(crate) fn log_file(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    /// The certificates.
    pub(crate) fn tls(&self) -> TlsDir {
        TlsDir::new(self.dir.join("tls"))
    }

    fn cluster_key(&self) -> PathBuf {
        self.dir.join("cluster.key")
    }

    fn config(&self, node: &NodeEntry, routes: &Routes) -> ConfigFile {
        let first = &self.state.nodes[0];
        let is_first = node.name == first.name;
        // Through the link, so that a cut also keeps a node from joining.
        let seed =
            routes.get(&first.region).and_then(|nodes| nodes.get(&first.name)).unwrap_or(&first.address);
        ConfigFile {
            node: NodeSection {
                cluster_id: self.state.cluster_id.clone(),
                name: node.name.clone(),
                region: node.region.clone(),
                listen: node.address.clone(),
                advertise: node.address.clone(),
                data_dir: self.dir.join("nodes").join(&node.name),
                bootstrap: is_first,
                seeds: if is_first { Vec::new() } else { vec![seed.clone()] },
                routes: routes.clone(),
            },
            tls: TlsSection {
                cert_file: self.tls().cert(&node.name),
                key_file: self.tls().key(&node.name),
                ca_file: self.tls().ca(),
            },
            keys: KeysSection { cluster_key_file: self.cluster_key() },
            api: ApiSection { adopted_ids_allowed: true },
        }
    }
}

/// A node's configuration file, as far as a local cluster sets it.
#[derive(Serialize)]
struct ConfigFile {
    node: NodeSection,
    tls: TlsSection,
    keys: KeysSection,
    api: ApiSection,
}

#[derive(Serialize)]
struct ApiSection {
    /// `tower-sessions` mints its own ids.
    adopted_ids_allowed: bool,
}

#[derive(Serialize)]
struct NodeSection {
    cluster_id: String,
    name: String,
    region: String,
    listen: String,
    advertise: String,
    data_dir: PathBuf,
    bootstrap: bool,
    seeds: Vec<String>,
    routes: Routes,
}

#[derive(Serialize)]
struct TlsSection {
    cert_file: PathBuf,
    key_file: PathBuf,
    ca_file: PathBuf,
}

#[derive(Serialize)]
struct KeysSection {
    cluster_key_file: PathBuf,
}

fn random_hex() -> String {
    let mut key = [0; 32];
    host::random().fill_bytes(&mut key);
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fresh(dir: &Path, shape: &ClusterShape, base_port: Option<u16>) -> Result<ClusterState, CliError> {
    let regions = shape.regions.clone().unwrap_or_else(|| REGIONS_DEFAULT.map(String::from).to_vec());
    let nodes = shape.nodes.unwrap_or(NODES_DEFAULT);
    let base_port = base_port.unwrap_or(BASE_PORT_DEFAULT);
    check_regions(&regions)?;
    let count = regions.len() * usize::from(nodes);
    if usize::from(base_port) + count > usize::from(u16::MAX) {
        return Err(CliError::Usage(format!("--base-port {base_port} leaves no room for {count} ports")));
    }
    Ok(ClusterState::new(dir, regions, nodes, base_port))
}

fn check_regions(regions: &[String]) -> Result<(), CliError> {
    for (index, region) in regions.iter().enumerate() {
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
        if region.is_empty() || region.len() > 32 || !region.chars().all(valid) {
            return Err(CliError::Usage(format!(
                "region {region:?} is not allowed; a name has 1 to 32 characters of [a-z0-9_.-]"
            )));
        }
        if regions[..index].contains(region) {
            return Err(CliError::Usage(format!("region {region:?} is named twice")));
        }
    }
    if regions.is_empty() { Err(CliError::Usage("name at least one region".into())) } else { Ok(()) }
}

/// The cluster of an existing folder; what was asked for must be what it is.
fn known(
    state: ClusterState,
    dir: &Path,
    shape: &ClusterShape,
    base_port: Option<u16>,
) -> Result<ClusterState, CliError> {
    let nodes = state.nodes.len() / state.regions.len().max(1);
    let wanted_regions = shape.regions.as_ref().is_none_or(|regions| *regions == state.regions);
    let wanted_nodes = shape.nodes.is_none_or(|wanted| usize::from(wanted) == nodes);
    let first = state.nodes.first().map(|node| node.address.clone()).unwrap_or_default();
    let wanted_port = base_port.is_none_or(|port| first == format!("127.0.0.1:{port}"));
    if wanted_regions && wanted_nodes && wanted_port {
        return Ok(state);
    }
    Err(CliError::Usage(format!(
        "{} holds a cluster with --regions {} --nodes {nodes} and {first} as its first node; leave these out to \
         go on with it, delete the folder to begin anew, or name another one with --data",
        dir.display(),
        state.regions.join(","),
    )))
}

/// The first of `count` free ports in a row, below the range that the system
/// gives to outgoing connections, so that a restarted node finds its port free.
pub(crate) fn free_base_port(count: usize) -> Result<u16, CliError> {
    let mut rng = host::random();
    for _ in 0..200 {
        let base: u16 = rng.random_range(12_000..30_000);
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (base..).take(count).all(free) {
            return Ok(base);
        }
    }
    Err(CliError::Failed(format!("found no {count} free ports in a row between 12000 and 30000")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shape(regions: Option<&[&str]>, nodes: Option<u16>) -> ClusterShape {
        let regions = regions.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let none = Duration::ZERO;
        ClusterShape { regions, nodes, wan: none, wan_jitter: none, wan_bandwidth: None }
    }

    #[test]
    fn a_node_of_another_region_joins_through_the_link() {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan::new(dir.path(), &shape(Some(&["eu", "us"]), Some(1)), None).unwrap();
        let link = BTreeMap::from([("eu-1".to_owned(), "127.0.0.1:9999".to_owned())]);
        let config = plan.config(&plan.state.nodes[1], &BTreeMap::from([("eu".to_owned(), link)]));
        assert_eq!(config.node.seeds, ["127.0.0.1:9999"]);
        assert!(!config.node.bootstrap);
        assert!(plan.config(&plan.state.nodes[0], &Routes::new()).node.bootstrap);
    }

    #[test]
    fn an_existing_folder_keeps_its_cluster() {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan::new(dir.path(), &shape(Some(&["eu", "us"]), Some(2)), Some(8001)).unwrap();
        plan.prepare().unwrap();
        let again = Plan::new(dir.path(), &shape(None, None), None).unwrap();
        assert_eq!(again.state, plan.state);
        let other = Plan::new(dir.path(), &shape(None, Some(3)), None).unwrap_err();
        assert!(other.to_string().contains("--nodes 2"), "{other}");
    }

    #[test]
    fn bad_regions_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for regions in [&["eu", "eu"][..], &["EU"], &[""]] {
            assert!(Plan::new(dir.path(), &shape(Some(regions), None), None).is_err(), "{regions:?}");
        }
    }

    #[test]
    fn the_written_file_is_one_that_a_node_takes() {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan::new(dir.path(), &shape(Some(&["eu", "us"]), Some(1)), None).unwrap();
        plan.prepare().unwrap();
        let link = BTreeMap::from([("eu-1".to_owned(), "127.0.0.1:9999".to_owned())]);
        let routes = BTreeMap::from([("eu".to_owned(), link)]);
        let path = plan.write_config(&plan.state.nodes[1], &routes).unwrap();
        let config = sojourn_node::config::Config::read(&path).unwrap();
        assert_eq!(config.node.name, "us-1");
    }
}
