//! All links of a local cluster: one a direction between two regions, and a
//! proxy for every node and every node of another region.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::plan::{Plan, Routes};
use crate::cli::error::CliError;
use crate::cli::wan::{Link, LinkMode, Proxy};

/// The links and their proxies.
#[derive(Debug, Default)]
pub(crate) struct Links {
    by_direction: BTreeMap<(String, String), Arc<Link>>,
    routes: BTreeMap<String, Routes>,
    proxies: Vec<Proxy>,
}

/// One direction of a link, for `sojourn link list`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LinkReport {
    /// Where bytes come from.
    pub(crate) from: String,
    /// Where they go.
    pub(crate) to: String,
    /// Whether they pass.
    pub(crate) mode: LinkMode,
    /// One-way delay, in microseconds.
    pub(crate) delay_us: u64,
    /// Its variation either way, in microseconds.
    pub(crate) jitter_us: u64,
    /// Bytes a second; none: unlimited.
    pub(crate) bandwidth_bytes: Option<u64>,
    /// Bytes that took it, TLS and acknowledgements of the protocol included.
    pub(crate) bytes_total: u64,
}

impl Links {
    /// Opens a proxy for every ordered pair of nodes in different regions.
    pub(crate) async fn start(plan: &Plan) -> Result<Self, CliError> {
        let mut links = Self::default();
        for from in &plan.state.regions {
            for to in plan.state.regions.iter().filter(|to| *to != from) {
                links.by_direction.insert((from.clone(), to.clone()), Arc::new(Link::new(plan.shape)));
            }
        }
        for near in &plan.state.nodes {
            for far in plan.state.nodes.iter().filter(|far| far.region != near.region) {
                let address = links.open(&near.region, &far.region, &far.address).await?;
                let routes = links.routes.entry(near.name.clone()).or_default();
                routes.entry(far.region.clone()).or_default().insert(far.name.clone(), address);
            }
        }
        Ok(links)
    }

    async fn open(&mut self, near: &str, far: &str, target: &str) -> Result<String, CliError> {
        let (there, back) = (self.link(near, far)?, self.link(far, near)?);
        let proxy = Proxy::start(target.to_owned(), there, back)
            .await
            .map_err(|error| CliError::io("cannot open a port for a link", error))?;
        let address = proxy.address().to_string();
        self.proxies.push(proxy);
        Ok(address)
    }

    /// Where a node connects to reach nodes of other regions.
    pub(crate) fn routes(&self, node: &str) -> Routes {
        self.routes.get(node).cloned().unwrap_or_default()
    }

    /// One direction.
    pub(crate) fn link(&self, from: &str, to: &str) -> Result<Arc<Link>, CliError> {
        self.by_direction.get(&(from.to_owned(), to.to_owned())).cloned().ok_or_else(|| {
            let known: Vec<String> =
                self.by_direction.keys().map(|(from, to)| format!("{from} {to}")).collect();
            CliError::Usage(format!("no link {from} {to}; there are: {}", known.join(", ")))
        })
    }

    /// Sets one direction or both.
    pub(crate) fn set(&self, from: &str, to: &str, one_way: bool, mode: LinkMode) -> Result<(), CliError> {
        let there = self.link(from, to)?;
        if !one_way {
            self.link(to, from)?.set_mode(mode);
        }
        there.set_mode(mode);
        Ok(())
    }

    /// Lets everything pass everywhere.
    pub(crate) fn heal_all(&self) {
        self.by_direction.values().for_each(|link| link.set_mode(LinkMode::Up));
    }

    /// Every direction.
    pub(crate) fn report(&self) -> Vec<LinkReport> {
        let report = |((from, to), link): (&(String, String), &Arc<Link>)| LinkReport {
            from: from.clone(),
            to: to.clone(),
            mode: link.mode(),
            delay_us: u64::try_from(link.shape().delay.as_micros()).unwrap_or(u64::MAX),
            jitter_us: u64::try_from(link.shape().jitter.as_micros()).unwrap_or(u64::MAX),
            bandwidth_bytes: link.shape().bandwidth_bytes,
            bytes_total: link.bytes_total(),
        };
        self.by_direction.iter().map(report).collect()
    }
}
