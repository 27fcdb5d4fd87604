//! A cluster of shipped nodes on simulated hosts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sojourn_client::{Client, ClientConfig, Environment as ClientEnvironment, TlsConfig};
use sojourn_node::config::Config;
use sojourn_node::store::{SimDisk, Store};

use crate::certificates::Authority;
use crate::env::{SimConnector, environment};

/// The regions of every simulated cluster.
pub const REGIONS: [&str; 3] = ["eu", "us", "ap"];
/// The cluster's id.
pub const CLUSTER_ID: &str = "sim";
const PORT: u16 = 7000;

type BoxError = Box<dyn std::error::Error>;

/// One simulated host and what survives its crashes.
#[derive(Clone)]
pub struct Host {
    /// Its name, which is also its node's.
    pub name: String,
    /// Its region.
    pub region: &'static str,
    /// Its disk.
    pub disk: SimDisk,
}

impl Host {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{PORT}", self.name)
    }
}

/// The hosts of a cluster with `per_region` nodes in each region.
#[must_use]
pub fn hosts(per_region: usize) -> Vec<Host> {
    let of_region = |region: &'static str| {
        (1..=per_region).map(move |i| Host { name: format!("{region}-{i}"), region, disk: SimDisk::new() })
    };
    REGIONS.into_iter().flat_map(of_region).collect()
}

/// Issues every certificate that the hosts and clients need.
///
/// # Errors
/// If the folder cannot be written.
pub fn issue(authority: &Authority, hosts: &[Host]) -> Result<(), BoxError> {
    for host in hosts {
        let uri = format!("sojourn://{CLUSTER_ID}/node/{}/{}", host.region, host.name);
        authority.issue(&host.name, &uri)?;
    }
    authority.issue("client", &format!("sojourn://{CLUSTER_ID}/client/sim"))?;
    Ok(())
}

fn config(host: &Host, first: &Host, authority: &Authority) -> Result<Config, BoxError> {
    let text = format!(
        r#"
        [node]
        cluster_id = "{CLUSTER_ID}"
        name = "{name}"
        region = "{region}"
        listen = "0.0.0.0:{PORT}"
        advertise = "{address}"
        data_dir = "unused"
        bootstrap = {bootstrap}
        seeds = ["{seed}"]
        [tls]
        cert_file = "{cert}"
        key_file = "{key}"
        ca_file = "{ca}"
        [keys]
        cluster_key_file = "{cluster_key}"
        "#,
        name = host.name,
        region = host.region,
        address = host.address(),
        bootstrap = host.name == first.name,
        seed = first.address(),
        cert = authority.file(&host.name, "crt").display(),
        key = authority.file(&host.name, "key").display(),
        ca = authority.file("ca", "crt").display(),
        cluster_key = authority.file("cluster", "key").display(),
    );
    Ok(Config::parse(&text)?)
}

/// Puts the shipped node on each host. A bounced host starts again from what its disk kept.
///
/// # Errors
/// If a configuration is not valid.
pub fn start(
    sim: &mut turmoil::Sim<'_>,
    hosts: &[Host],
    authority: &Authority,
    seed: u64,
) -> Result<(), BoxError> {
    let first = hosts.first().ok_or("a cluster needs a host")?;
    for (number, host) in (1..).zip(hosts) {
        let config = config(host, first, authority)?;
        let disk = host.disk.clone();
        let starts = AtomicU64::new(0);
        sim.host(host.name.as_str(), move || {
            let start = starts.fetch_add(1, Ordering::Relaxed);
            let (config, disk) = (config.clone(), disk.clone());
            let env = environment(seed ^ (number << 32) ^ (start << 48));
            async move {
                let store: Arc<dyn Store> = Arc::new(disk.open());
                Ok(sojourn_node::run::run(config, env, store, std::future::pending()).await?)
            }
        });
    }
    Ok(())
}

/// A client that starts in a region, on the simulated host it is called on.
///
/// # Errors
/// If no node can be reached.
pub async fn client(region: &str, hosts: &[Host], tls: TlsConfig, seed: u64) -> Result<Client, BoxError> {
    let of_region = hosts.iter().filter(|host| host.region == region).map(Host::address);
    let config = ClientConfig::new(of_region, CLUSTER_ID, tls).region(region);
    Ok(Client::connect_with(config, ClientEnvironment::simulated(Arc::new(SimConnector), seed)).await?)
}
