//! The cluster that is measured.

use std::path::Path;
use std::time::Duration;

use sojourn_client::Client;
use sojourn_client::cluster_types::GetStatusResponse;
use tempfile::TempDir;

use super::proc;
use crate::cli::args::{BenchArgs, ClusterShape};
use crate::cli::cluster::{ClusterState, LocalCluster, NodeEntry, Plan, client, free_base_port};
use crate::cli::error::CliError;

const TIMEOUT: Duration = Duration::from_secs(10);
/// How long to look for a cluster that may not run.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// A running cluster, started here or before.
pub(crate) struct Bed {
    state: ClusterState,
    cluster: Option<LocalCluster>,
    /// Removed with it.
    _folder: Option<TempDir>,
}

impl Bed {
    /// A new cluster in a temporary folder.
    pub(crate) async fn temporary(args: &BenchArgs, regions: Vec<String>) -> Result<Self, CliError> {
        let folder = tempfile::Builder::new()
            .prefix("sojourn-bench-")
            .tempdir()
            .map_err(|error| CliError::io("cannot make a temporary folder", error))?;
        let base_port = free_base_port(regions.len() * usize::from(args.nodes))?;
        let plan = Plan::new(folder.path(), &shape(args, Some(regions)), Some(base_port))?;
        Self::start(plan, Some(folder)).await
    }

    /// The cluster of a folder; started if it does not run.
    pub(crate) async fn of_folder(args: &BenchArgs, dir: &Path) -> Result<Self, CliError> {
        if let Some(state) = ClusterState::find(dir)? {
            if client(&state, None, LOOK_MAX).await.is_ok() {
                return Ok(Self { state, cluster: None, _folder: None });
            }
            return Self::start(Plan::new(dir, &shape(args, None), None)?, None).await;
        }
        let regions = args.regions.clone().unwrap_or_else(|| super::LOAD_REGIONS.map(String::from).to_vec());
        Self::start(Plan::new(dir, &shape(args, Some(regions)), None)?, None).await
    }

    async fn start(plan: Plan, folder: Option<TempDir>) -> Result<Self, CliError> {
        let state = plan.state.clone();
        let cluster = LocalCluster::start(plan).await?;
        cluster.wait_ready(|_| ()).await?;
        Ok(Self { state, cluster: Some(cluster), _folder: folder })
    }

    /// Where it is.
    pub(crate) fn state(&self) -> &ClusterState {
        &self.state
    }

    /// The region that takes the load.
    pub(crate) fn region(&self) -> &str {
        self.state.regions.first().map(String::as_str).unwrap_or_default()
    }

    /// Whether there are others.
    pub(crate) fn other_region(&self) -> Option<&str> {
        self.state.regions.get(1).map(String::as_str)
    }

    /// The node that takes unary calls.
    pub(crate) fn node(&self) -> Result<&NodeEntry, CliError> {
        let mut nodes = self.state.nodes_of(self.region());
        nodes.next().ok_or_else(|| CliError::Failed("the cluster has no nodes".into()))
    }

    /// A client of one region.
    pub(crate) async fn client(&self, region: &str) -> Result<Client, CliError> {
        client(&self.state, Some(region), TIMEOUT).await
    }

    /// What all nodes, or those of one region, say about themselves.
    pub(crate) async fn statuses(
        &self,
        client: &Client,
        region: Option<&str>,
    ) -> Result<Vec<GetStatusResponse>, CliError> {
        let mut statuses = Vec::new();
        for node in self.state.nodes.iter().filter(|node| region.is_none_or(|region| node.region == region)) {
            statuses.push(client.status(&node.address, false).await?);
        }
        Ok(statuses)
    }

    /// CPU time of all nodes so far, in microseconds, as the operating system
    /// tells them; none if one does not say.
    pub(crate) async fn cpu_us(&self, client: &Client) -> Option<u64> {
        let statuses = self.statuses(client, None).await.ok()?;
        let times = statuses.iter().map(|status| Some(status.cpu_us_total).filter(|cpu_us| *cpu_us > 0));
        times.sum()
    }

    /// Memory of all node processes that is in RAM, in bytes, if they were started here.
    pub(crate) async fn process_bytes(&self) -> Option<u64> {
        let reports = self.cluster.as_ref()?.report().await;
        reports.iter().map(|node| proc::resident_bytes(node.pid?)).sum()
    }

    /// Stops what was started here.
    pub(crate) async fn stop(self) -> Result<(), CliError> {
        match &self.cluster {
            Some(cluster) => cluster.stop().await,
            None => Ok(()),
        }
    }
}

fn shape(args: &BenchArgs, regions: Option<Vec<String>>) -> ClusterShape {
    let nodes = regions.is_some().then_some(args.nodes);
    ClusterShape { regions, nodes, wan: args.wan, wan_jitter: Duration::ZERO, wan_bandwidth: None }
}
