//! Who may talk to the cluster, and who may join it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, SanType};
use sojourn_client::{Client, ClientConfig, TlsConfig};
use sojourn_proto::replication::v1::FetchRequest;
use sojourn_proto::replication::v1::replication_service_client::ReplicationServiceClient;
use sojourn_proto::session::v1::GetRequest;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;

use crate::harness::Cluster;
use crate::raw;

/// Writes `{file}.pem` and `{file}.key` with one URI name.
pub(crate) fn write(
    dir: &Path,
    file: &str,
    uri: &str,
    sign: impl FnOnce(CertificateParams, &KeyPair) -> String,
) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
    params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
    std::fs::write(dir.join(format!("{file}.pem")), sign(params, &key)).unwrap();
    std::fs::write(dir.join(format!("{file}.key")), key.serialize_pem()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_certificate_is_refused() {
    let cluster = Cluster::up("eu", 1);
    let (address, tls) = (&cluster.addresses("eu")[0], cluster.tls_dir());
    let get = GetRequest { namespace: "shop".into(), session_id: "A".repeat(43), ..Default::default() };

    let own = format!("sojourn://{}/client/app", cluster.cluster_id());
    write(&tls, "stranger", &own, |params, key| params.self_signed(key).unwrap().pem());
    if let Ok(channel) = raw::channel(address, &tls, "stranger").await {
        SessionServiceClient::new(channel).get(get).await.expect_err("an unknown authority was trusted");
    }

    let channel = raw::channel(address, &tls, "client").await.unwrap();
    let status = ReplicationServiceClient::new(channel).fetch(FetchRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::PermissionDenied, "a client reached replication: {status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_cluster_is_told_so() {
    let cluster = Cluster::up("eu", 1);
    let tls: TlsConfig = cluster.tls();
    let config = ClientConfig::new(cluster.addresses("eu"), "another-cluster", tls).region("eu");
    let error = Client::connect(config).await.expect_err("connected to the wrong cluster");
    assert!(!error.to_string().is_empty());
}

/// Runs a node with a changed copy of eu-1's configuration until it gives up.
fn run_node(cluster: &Cluster, name: &str, listen: &str, edit: impl FnOnce(String) -> String) -> Output {
    wait_for_end(&node_config(cluster, name, listen, edit))
}

/// A changed copy of eu-1's configuration, for a node that joins.
pub(crate) fn node_config(
    cluster: &Cluster,
    name: &str,
    listen: &str,
    edit: impl FnOnce(String) -> String,
) -> PathBuf {
    let dir = cluster.data.path().join("intruder");
    std::fs::create_dir_all(&dir).unwrap();
    let original = std::fs::read_to_string(config_file(cluster, "eu-1")).unwrap();
    let mut config: toml::Table = toml::from_str(&original).unwrap();
    let node = config["node"].as_table_mut().unwrap();
    node.insert("name".into(), name.into());
    node.insert("listen".into(), listen.into());
    node.insert("advertise".into(), listen.into());
    node.insert("bootstrap".into(), false.into());
    node.insert("seeds".into(), toml::Value::Array(vec![cluster.addresses("eu")[0].clone().into()]));
    node.insert("data_dir".into(), dir.join("data").display().to_string().into());
    let file = dir.join("node.toml");
    std::fs::write(&file, edit(toml::to_string(&config).unwrap())).unwrap();
    file
}

fn config_file(cluster: &Cluster, node: &str) -> std::path::PathBuf {
    cluster.data.path().join("config").join(format!("{node}.toml"))
}

pub(crate) fn sojournd(config: &Path) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(env!("CARGO_BIN_EXE_sojourn"));
    command.arg0("sojournd").arg("--config").arg(config);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command
}

fn wait_for_end(config: &Path) -> Output {
    let mut child = sojournd(config).spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_secs(40) {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("the node did not give up: {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::yield_now();
    }
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_taken_is_refused() {
    let cluster = Cluster::up("eu", 1);
    let output = run_node(&cluster, "eu-1", "127.0.0.1:21950", |config| config);
    assert!(!output.status.success());
    assert!(said(&output).contains("eu-1"), "{}", said(&output));
    let members = cluster.client("eu").await.members().await.unwrap().members;
    assert_eq!(members.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_another_cluster_is_refused() {
    let cluster = Cluster::up("eu", 1);
    let own = cluster.cluster_id();
    let output =
        run_node(&cluster, "eu-9", "127.0.0.1:22050", |config| config.replace(&own, "another-cluster"));
    assert!(!output.status.success());
    assert!(said(&output).contains("another-cluster"), "{}", said(&output));
    let members = cluster.client("eu").await.members().await.unwrap().members;
    assert_eq!(members.len(), 1);
}
