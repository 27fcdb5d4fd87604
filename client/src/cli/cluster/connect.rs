//! Clients of a local cluster.

use std::time::Duration;

use sojourn_client::{Client, ClientConfig, TlsConfig};

use super::state::{ClusterState, NodeEntry};
use crate::cli::args::Reach;
use crate::cli::error::CliError;

/// A client of one region, or of whichever answers first.
pub(crate) async fn client(
    state: &ClusterState,
    region: Option<&str>,
    timeout: Duration,
) -> Result<Client, CliError> {
    if let Some(region) = region {
        state.check_region(region)?;
    }
    // Nodes of the region first, so that the region's own view is learnt.
    let (near, far): (Vec<&NodeEntry>, Vec<_>) =
        state.nodes.iter().partition(|node| region.is_none_or(|region| node.region == region));
    let endpoints = near.into_iter().chain(far).map(|node| node.address.clone()).collect();
    connect(state, endpoints, region, timeout).await
}

/// A client that learns the layout from one node alone.
pub(crate) async fn client_of(
    state: &ClusterState,
    node: &NodeEntry,
    timeout: Duration,
) -> Result<Client, CliError> {
    connect(state, vec![node.address.clone()], Some(&node.region), timeout).await
}

/// A client for a command that says whom to ask.
pub(crate) async fn reach(state: &ClusterState, reach: &Reach) -> Result<Client, CliError> {
    match &reach.node {
        Some(node) => client_of(state, state.node(node)?, reach.timeout).await,
        None => client(state, reach.region.as_deref(), reach.timeout).await,
    }
}

async fn connect(
    state: &ClusterState,
    endpoints: Vec<String>,
    region: Option<&str>,
    timeout: Duration,
) -> Result<Client, CliError> {
    let tls = TlsConfig::from_files(&state.ca_file, &state.cert_file, &state.key_file)
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).max(1);
    let mut config = ClientConfig::new(endpoints, &state.cluster_id, tls).request_timeout_ms(timeout_ms);
    config.region = region.map(str::to_owned);
    Ok(Client::connect(config).await?)
}
