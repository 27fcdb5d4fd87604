//! Learning the layout, and following it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use sojourn_proto::cluster::v1::cluster_service_client::ClusterServiceClient;
use sojourn_proto::cluster::v1::{GetLayoutRequest, GetStatusRequest, Layout, WatchLayoutRequest};
use tokio::sync::oneshot;
use tonic::transport::Channel;

use super::Inner;
use super::routes::Routes;
use crate::backoff;
use crate::config::ClientConfig;
use crate::error::{Error, from_unary};
use crate::routing::Place;
use crate::runtime::{self, Environment};
use crate::transport::Dialer;

/// How long until the layout is asked for again after the watch broke, at most.
const REFRESH_PAUSE_MS_MAX: u32 = 5_000;

/// What the first node that answered said.
pub(super) struct Seen {
    pub(super) layout: Layout,
    pub(super) region: String,
}

/// Asks the endpoints in turn, again and again until time is up.
pub(super) async fn first_layout(
    config: &ClientConfig,
    environment: &Environment,
    dialer: &Dialer,
) -> Result<Seen, Error> {
    let channels: Vec<Channel> =
        config.endpoints.iter().map(|seed| dialer.channel(seed, None)).collect::<Result<_, _>>()?;
    let (deadline, mut last) = (deadline(config), Error::DeadlineExceeded);
    for round in 1.. {
        for channel in &channels {
            let asked = ask_seed(channel.clone(), config.region.as_deref(), config.message_bytes_max);
            let limit = Duration::from_millis(config.connect_timeout_ms.into());
            match tokio::time::timeout_at(deadline.min(runtime::now() + limit), asked).await {
                Ok(Ok(seen)) => return Ok(seen),
                Ok(Err(error)) => last = error,
                Err(_) => {}
            }
        }
        let pause =
            backoff::pause(round, config.backoff_base_ms, config.backoff_max_ms, environment.random_unit());
        if runtime::now() + pause >= deadline {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    Err(last)
}

fn deadline(config: &ClientConfig) -> tokio::time::Instant {
    runtime::now() + Duration::from_millis(config.request_timeout_ms.into())
}

async fn ask_seed(channel: Channel, region: Option<&str>, message_bytes_max: usize) -> Result<Seen, Error> {
    let mut client = ClusterServiceClient::new(channel).max_decoding_message_size(message_bytes_max);
    let layout = client.get_layout(GetLayoutRequest {}).await.map_err(|status| from_unary(&status))?;
    let layout = layout.into_inner();
    if layout.nodes.is_empty() {
        return Err(Error::unavailable("the cluster has no node yet that takes calls"));
    }
    if let Some(region) = region {
        return Ok(Seen { layout, region: region.to_owned() });
    }
    let status =
        client.get_status(GetStatusRequest::default()).await.map_err(|status| from_unary(&status))?;
    let region = status.into_inner().node.map(|node| node.region);
    let region = region.ok_or_else(|| Error::protocol("GetStatus answered without the node itself"))?;
    Ok(Seen { layout, region })
}

/// Follows the layout until the last client is dropped.
pub(super) async fn layout(client: Weak<Inner>, ended: oneshot::Receiver<()>) {
    tokio::select! {
        _ = ended => {}
        () = watch_for_ever(&client) => {}
    }
}

async fn watch_for_ever(client: &Weak<Inner>) {
    let mut followed = Followed::default();
    while let Some(pause) = followed.watch_once(client).await {
        tokio::time::sleep(pause).await;
    }
}

/// From whom the layout could not be followed, or no longer.
#[derive(Default)]
struct Followed {
    /// Nodes, by their index, that are asked again only after all others: the own
    /// region's would otherwise be asked for ever, also when they are gone for good.
    left: Vec<usize>,
    /// Attempts since a layout came.
    failures: u32,
}

impl Followed {
    /// Follows one node's view until the stream breaks; then says how long to wait
    /// before asking another. None: the client is gone.
    async fn watch_once(&mut self, client: &Weak<Inner>) -> Option<Duration> {
        let (identity, index, mut cluster) = {
            let inner = client.upgrade()?;
            let (routes, spread) = (inner.routes(), inner.next_spread());
            if self.left.len() >= routes.nodes.len() {
                self.left.clear();
            }
            let usable = |node: &super::node::Node| node.health.usable(|| inner.since_start());
            let (index, node) = routes.choose(Place::Anywhere, spread, &self.left, usable)?;
            (node.identity.clone(), index, inner.cluster_over(node.channel()?))
        };
        self.left.push(index);
        self.failures = self.failures.saturating_add(1);
        if let Ok(response) = cluster.watch_layout(WatchLayoutRequest {}).await {
            let mut layouts = response.into_inner();
            while let Ok(Some(layout)) = layouts.message().await {
                let inner = client.upgrade()?;
                adopt(&inner, &layout);
                // A new layout has other indexes.
                self.left = inner.routes().table.index_of(&identity).into_iter().collect();
                self.failures = 1;
            }
        }
        let inner = client.upgrade()?;
        let base_ms = inner.config.backoff_base_ms;
        let max_ms = REFRESH_PAUSE_MS_MAX.max(base_ms);
        Some(backoff::pause(self.failures, base_ms, max_ms, inner.environment.random_unit()))
    }
}

/// A layout that is no newer, or that names nobody, changes nothing.
fn adopt(inner: &Inner, layout: &Layout) {
    let before: Arc<Routes> = inner.routes();
    if layout.version <= before.table.version || layout.nodes.is_empty() {
        return;
    }
    match Routes::new(layout, &inner.region, &before, &inner.dialer, &inner.config) {
        Ok(routes) => {
            tracing::debug!(version = layout.version, nodes = layout.nodes.len(), "layout changed");
            inner.set_routes(routes);
        }
        Err(error) => tracing::warn!(%error, version = layout.version, "layout ignored"),
    }
}
