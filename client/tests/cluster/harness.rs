//! A cluster of its own for each test, started by `sojourn up`.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use sojourn_client::{Client, ClientConfig, TlsConfig};
use tonic::transport::Channel;

use crate::raw;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Nodes of one cluster, a port each.
const NODES_MAX: u16 = 10;

/// The first port of the next cluster, below those that the system hands out.
static BASE_PORT: AtomicU16 = AtomicU16::new(21_000);

pub(crate) struct Cluster {
    pub(crate) data: tempfile::TempDir,
    pub(crate) state: serde_json::Value,
    supervisor: Child,
}

impl Cluster {
    /// Starts `nodes` nodes in each of `regions` and waits until all are ready.
    pub(crate) fn up(regions: &str, nodes: u16) -> Self {
        Self::up_in(tempfile::tempdir().unwrap(), regions, nodes)
    }

    /// The same in a folder that may hold certificates already.
    pub(crate) fn up_in(data: tempfile::TempDir, regions: &str, nodes: u16) -> Self {
        let base_port = BASE_PORT.fetch_add(NODES_MAX, Ordering::Relaxed).to_string();
        let arguments = ["--regions", regions, "--nodes", &nodes.to_string(), "--base-port", &base_port];
        let supervisor = start(data.path(), &arguments);
        let mut cluster = Self { data, state: serde_json::Value::Null, supervisor };
        cluster.await_ready();
        cluster
    }

    /// Stops every process in order and starts them again on the same data.
    pub(crate) fn stop_and_start(&mut self) {
        self.stop();
        self.supervisor = start(self.data.path(), &[]);
        self.await_ready();
    }

    fn stop(&mut self) {
        let pid = self.supervisor.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.supervisor.wait();
    }

    fn await_ready(&mut self) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.supervisor.try_wait().unwrap() {
                panic!("`sojourn up` ended with {status}");
            }
            if let Some(state) = self.ready_state() {
                self.state = state;
                return;
            }
            assert!(started.elapsed() < PATIENCE, "the cluster is not ready: {}", self.text(&["status"]));
        }
    }

    fn ready_state(&self) -> Option<serde_json::Value> {
        // Not before `up` itself has seen all nodes ready: it gives up on nodes killed earlier.
        if !std::fs::read_to_string(self.data.path().join("up.log")).ok()?.contains("The cluster is up") {
            return None;
        }
        let state: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(self.data.path().join("cluster.json")).ok()?)
                .ok()?;
        let status: serde_json::Value = serde_json::from_slice(&self.sojourn(&["status"]).stdout).ok()?;
        let nodes = status["nodes"].as_array()?;
        let all_ready =
            nodes.len() == state["nodes"].as_array()?.len() && nodes.iter().all(|n| n["ready"] == true);
        all_ready.then_some(state)
    }

    /// Runs the command line against this cluster.
    pub(crate) fn sojourn(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sojourn"))
            .args(arguments)
            .args(["--output", "json", "--data"])
            .arg(self.data.path())
            .output()
            .unwrap()
    }

    /// What the command line says, on both of its outputs.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let output = self.sojourn(arguments);
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    /// Runs the command line, which must succeed.
    pub(crate) fn command(&self, arguments: &[&str]) {
        let output = self.sojourn(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Cuts every link between a region and the others.
    pub(crate) fn isolate(&self, region: &str) {
        let nodes = self.state["nodes"].as_array().unwrap();
        let regions: BTreeSet<&str> = nodes.iter().filter_map(|node| node["region"].as_str()).collect();
        for other in regions.into_iter().filter(|other| *other != region) {
            self.command(&["link", "cut", region, other]);
        }
    }

    /// Heals every link.
    pub(crate) fn heal(&self) {
        self.command(&["link", "heal", "--all"]);
    }

    /// Whether all replicas of every partition have byte-equal states.
    pub(crate) fn digests_agree(&self) -> bool {
        self.sojourn(&["status", "--digests"]).status.success()
    }

    pub(crate) fn tls_dir(&self) -> PathBuf {
        self.data.path().join("tls")
    }

    pub(crate) fn cluster_id(&self) -> String {
        self.state["cluster_id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn addresses(&self, region: &str) -> Vec<String> {
        let nodes = self.state["nodes"].as_array().unwrap();
        let of_region = nodes.iter().filter(|node| node["region"] == region);
        of_region.map(|node| node["address"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn tls(&self) -> TlsConfig {
        let file = |key: &str| PathBuf::from(self.state[key].as_str().unwrap());
        TlsConfig::from_files(&file("ca_file"), &file("cert_file"), &file("key_file")).unwrap()
    }

    /// A channel to the first node of a region, without a client that would ask another one instead.
    pub(crate) async fn channel(&self, region: &str) -> Channel {
        raw::channel(&self.addresses(region)[0], &self.tls_dir(), "client").await.unwrap()
    }

    /// A client that starts in `region`.
    pub(crate) async fn client(&self, region: &str) -> Client {
        Client::connect(self.config(region)).await.unwrap()
    }

    pub(crate) fn config(&self, region: &str) -> ClientConfig {
        ClientConfig::new(self.addresses(region), self.cluster_id(), self.tls()).region(region)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

fn start(data: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_sojourn"))
        .arg("up")
        .args(arguments)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(data.join("up.log")).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Tries until something holds, or fails naming it.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::task::yield_now().await;
    }
}
