//! The table of nodes with a line to each.

use std::collections::BTreeMap;
use std::sync::Arc;

use sojourn_proto::cluster::v1::Layout;

use super::node::Node;
use crate::config::{ClientConfig, ConfigError};
use crate::routing::{Place, Table};
use crate::transport::Dialer;

/// Node `i` of the table is `nodes[i]`.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) table: Table,
    pub(super) nodes: Vec<Arc<Node>>,
}

impl Routes {
    /// Keeps the lines to nodes that are there already; others are made, and
    /// connect when they are first used.
    ///
    /// # Errors
    /// A node's address is not `host:port`.
    pub(super) fn new(
        layout: &Layout,
        region: &str,
        before: &Self,
        dialer: &Dialer,
        config: &ClientConfig,
    ) -> Result<Self, ConfigError> {
        let table = Table::new(layout, region);
        let known: BTreeMap<_, _> = before.nodes.iter().map(|node| (&node.identity, node)).collect();
        let nodes = table.nodes.iter().map(|node| match known.get(node) {
            Some(known) => Ok(Arc::clone(known)),
            None => Node::new(node.clone(), dialer, config).map(Arc::new),
        });
        let nodes = nodes.collect::<Result<_, _>>()?;
        Ok(Self { table, nodes })
    }

    pub(super) fn choose(
        &self,
        place: Place,
        spread: usize,
        tried: &[usize],
        usable: impl Fn(&Node) -> bool,
    ) -> Option<(usize, &Arc<Node>)> {
        let index = self
            .table
            .choose(place, spread, tried, |index| self.nodes.get(index).is_some_and(|n| usable(n)))?;
        self.nodes.get(index).map(|node| (index, node))
    }
}
