//! A node joins a region that has sessions.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use futures::stream::{self, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sojourn_client::Client;
use sojourn_proto::session::v1::GetRequest;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::harness::{Cluster, PATIENCE};
use crate::{identities, raw};

const SESSIONS: usize = 3_000;
const ADDRESS: &str = "127.0.0.1:24350";

/// Certificates for one node more than `sojourn up` would make them for.
pub(crate) fn certificates(tls: &Path) {
    std::fs::create_dir_all(tls).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    std::fs::write(tls.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let names = ["eu-1", "eu-2", "eu-3", "eu-4"].map(|name| (name, format!("sojourn://dev/node/eu/{name}")));
    for (name, uri) in names.into_iter().chain([("client", "sojourn://dev/client/client".to_owned())]) {
        identities::write(tls, name, &uri, |params, key| params.signed_by(key, &issuer).unwrap().pem());
    }
}

pub(crate) struct Newcomer(Child);

impl Newcomer {
    /// Starts the node `eu-4` at an address.
    pub(crate) fn start(cluster: &Cluster, address: &str) -> Self {
        let rename = |config: String| config.replace("eu-1.pem", "eu-4.pem").replace("eu-1.key", "eu-4.key");
        let config = identities::node_config(cluster, "eu-4", address, rename);
        let mut command = identities::sojournd(&config);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn get(to: &SessionServiceClient<Channel>, id: &str) -> Result<(), Status> {
    let get = GetRequest { namespace: "shop".into(), session_id: id.into(), ..Default::default() };
    to.clone().get(get).await.map(drop)
}

/// The newcomer serves partitions, and no change of the layout is under way.
pub(crate) async fn serves(client: &Client) -> bool {
    let Ok(layout) = client.layout().await else { return false };
    let newcomer = layout.nodes.iter().find(|node| node.name == "eu-4").map(|node| node.replica_id);
    let mut served = layout.partitions.iter().flat_map(|partition| &partition.replica_ids);
    layout.next_version == 0 && served.any(|id| Some(*id) == newcomer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_joins_never_answers_that_a_session_is_not_there() {
    let data = tempfile::tempdir().unwrap();
    certificates(&data.path().join("tls"));
    let cluster = Cluster::up_in(data, "eu", 3);
    let client = cluster.client("eu").await;
    let create = |_| async { client.create("shop").await.unwrap().id.reveal().to_owned() };
    let ids: Vec<String> = stream::iter(0..SESSIONS).map(create).buffer_unordered(64).collect().await;

    let _newcomer = Newcomer::start(&cluster, ADDRESS);
    let mut channel = None;
    while channel.is_none() {
        channel = raw::channel(ADDRESS, &cluster.tls_dir(), "client").await.ok();
    }
    let node = SessionServiceClient::new(channel.unwrap());
    let started = Instant::now();
    let mut passes_after = 0;
    while passes_after < 2 {
        assert!(started.elapsed() < PATIENCE, "the newcomer does not serve");
        let serves = serves(&client).await;
        let answers = stream::iter(&ids).map(|id| get(&node, id)).buffer_unordered(64);
        let refused: Vec<Status> = answers.filter_map(|answer| async { answer.err() }).collect().await;
        let unknown = refused.iter().filter(|status| status.code() == Code::NotFound).count();
        assert_eq!(unknown, 0, "of {SESSIONS} sessions the newcomer does not know {unknown}");
        // Before it is active it takes no calls.
        assert!(!serves || refused.is_empty(), "{:?}", refused.first());
        passes_after += usize::from(serves);
    }
}
