//! A local cluster whose processes and links run.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::Mutex;

use super::connect::{client, client_of};
use super::links::Links;
use super::plan::Plan;
use super::process::{NodeProcess, NodeReport};
use super::state::{ClusterState, NodeEntry};
use super::view::{NodeView, are_settled, compare_digests, views};
use crate::cli::error::CliError;
use crate::cli::host;

/// How long the nodes may take until all are ready.
const READY_MAX: Duration = Duration::from_secs(60);
/// Time between two questions.
const POLL: Duration = Duration::from_millis(100);
const STATUS_TIMEOUT: Duration = Duration::from_secs(2);

/// Processes and links of a local cluster. Dropping it kills what still runs.
#[derive(Debug)]
pub(crate) struct LocalCluster {
    plan: Plan,
    links: Links,
    nodes: Mutex<BTreeMap<String, NodeProcess>>,
}

impl LocalCluster {
    /// Makes what is missing and starts everything; the nodes are not ready yet.
    pub(crate) async fn start(plan: Plan) -> Result<Self, CliError> {
        check_ports(&plan.state)?;
        plan.prepare()?;
        let links = Links::start(&plan).await?;
        let mut nodes = BTreeMap::new();
        for node in &plan.state.nodes {
            let mut process = NodeProcess::new(node.name.clone(), plan.log_file(&node.name));
            process.start(&plan.write_config(node, &links.routes(&node.name))?)?;
            nodes.insert(node.name.clone(), process);
        }
        Ok(Self { plan, links, nodes: Mutex::new(nodes) })
    }

    /// What other commands see of it.
    pub(crate) fn state(&self) -> &ClusterState {
        &self.plan.state
    }

    /// What it was started from.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its links.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// Waits until every node takes calls and holds what it is to serve; `progress`
    /// is told how many do.
    pub(crate) async fn wait_ready(&self, mut progress: impl FnMut(&[NodeView])) -> Result<(), CliError> {
        let started = host::now();
        loop {
            self.check_alive().await?;
            let views = self.views(false).await;
            progress(&views);
            if are_settled(&views) {
                return Ok(());
            }
            if started.elapsed() > READY_MAX {
                return Err(self.not_ready(&views));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn not_ready(&self, views: &[NodeView]) -> CliError {
        let waiting = views.iter().filter(|view| !view.is_ready());
        let lines: Vec<String> =
            waiting.map(|view| format!("  {}: {}", view.node.name, view.readiness())).collect();
        CliError::Failed(format!(
            "not all nodes became ready within {} s:\n{}\nlogs are in {}",
            READY_MAX.as_secs(),
            lines.join("\n"),
            self.plan.dir.join("logs").display()
        ))
    }

    /// Asks every node; one that cannot be reached has no answer.
    pub(crate) async fn views(&self, digests: bool) -> Vec<NodeView> {
        match client(self.state(), None, STATUS_TIMEOUT).await {
            Ok(client) => views(&client, self.state(), digests).await,
            Err(error) => self.silent(&error.to_string()),
        }
    }

    fn silent(&self, reason: &str) -> Vec<NodeView> {
        let silent = |node: &NodeEntry| NodeView { node: node.clone(), status: Err(reason.to_owned()) };
        self.state().nodes.iter().map(silent).collect()
    }

    /// Waits until one node takes calls.
    pub(crate) async fn wait_node(&self, name: &str) -> Result<(), CliError> {
        let (node, started) = (self.state().node(name)?, host::now());
        while started.elapsed() < READY_MAX {
            self.check_alive().await?;
            if let Ok(client) = client_of(self.state(), node, STATUS_TIMEOUT).await
                && client.status(&node.address, false).await.is_ok_and(|status| status.ready)
            {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(CliError::Failed(format!("{name} did not become ready within {} s", READY_MAX.as_secs())))
    }

    /// Waits until all replicas have equal digests; false if they never do.
    pub(crate) async fn wait_equal(&self, limit: Duration) -> bool {
        let started = host::now();
        loop {
            if compare_digests(&self.views(true).await).agrees() {
                return true;
            }
            if started.elapsed() > limit {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// An error if a node ended that nobody stopped.
    pub(crate) async fn check_alive(&self) -> Result<(), CliError> {
        let mut nodes = self.nodes.lock().await;
        nodes.values_mut().find_map(NodeProcess::unexpected_end).map_or(Ok(()), Err)
    }

    /// The processes.
    pub(crate) async fn report(&self) -> Vec<NodeReport> {
        self.nodes.lock().await.values_mut().map(NodeProcess::report).collect()
    }

    /// Ends a node at once, as a crash does.
    pub(crate) async fn kill(&self, name: &str) -> Result<(), CliError> {
        self.state().node(name)?;
        let mut nodes = self.nodes.lock().await;
        let Some(node) = nodes.get_mut(name) else { return Ok(()) };
        node.kill().await
    }

    /// Asks a node to stop and waits for it.
    pub(crate) async fn stop_node(&self, name: &str) -> Result<(), CliError> {
        self.state().node(name)?;
        let mut nodes = self.nodes.lock().await;
        let Some(node) = nodes.get_mut(name) else { return Ok(()) };
        node.stop().await
    }

    /// Stops a node if it runs, and starts it with its data.
    pub(crate) async fn restart(&self, name: &str) -> Result<(), CliError> {
        self.stop_node(name).await?;
        let config = self.plan.write_config(self.state().node(name)?, &self.links.routes(name))?;
        let mut nodes = self.nodes.lock().await;
        let Some(node) = nodes.get_mut(name) else { return Ok(()) };
        node.start(&config)
    }

    /// Stops all nodes, at the same time.
    pub(crate) async fn stop(&self) -> Result<(), CliError> {
        let mut nodes = self.nodes.lock().await;
        for node in nodes.values_mut() {
            node.ask_to_stop().await;
        }
        for node in nodes.values_mut() {
            node.await_end().await?;
        }
        Ok(())
    }
}

/// A taken port is better told before nine nodes fail.
fn check_ports(state: &ClusterState) -> Result<(), CliError> {
    for node in &state.nodes {
        if let Err(error) = std::net::TcpListener::bind(&node.address) {
            return Err(CliError::Usage(format!(
                "{} of {} is not free ({error}); stop what uses it, or take a new folder and another --base-port",
                node.address, node.name
            )));
        }
    }
    Ok(())
}
