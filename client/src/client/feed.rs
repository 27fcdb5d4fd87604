//! Which nodes a feed, an explanation or an export is asked of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sojourn_proto::export::v1::export_service_client::ExportServiceClient;
use sojourn_proto::feed::v1::explain_service_client::ExplainServiceClient;
use sojourn_proto::feed::v1::feed_service_client::FeedServiceClient;
use tonic::transport::Channel;

use super::Inner;
use super::node::Node;
use crate::backoff;
use crate::routing::{Place, Table};

/// The first two bytes of keys of the global partition; no session has them.
const GLOBAL: [u8; 2] = [0xff; 2];

impl Inner {
    /// All partitions.
    pub(crate) fn partitions(&self) -> BTreeSet<u32> {
        (0..self.routes().table.partition_count()).collect()
    }

    /// The partition of a session.
    pub(crate) fn partition_of(&self, place: Place) -> Option<u32> {
        self.routes().table.partition_of(place)
    }

    /// The node to ask for a partition's feed: a replica, of the own region if one is
    /// usable and not `broken`. If all are, they take turns.
    pub(crate) fn feed_node(&self, partition: u32, broken: &BTreeMap<String, u32>) -> Option<usize> {
        let routes = self.routes();
        let is_usable = |index: &usize| {
            routes.nodes.get(*index).is_some_and(|node| {
                !broken.contains_key(&label(node)) && node.health.usable(|| self.since_start())
            })
        };
        let holders = holders(&routes.table, partition);
        let turn = self.next_spread().checked_rem(holders.len())?;
        holders.iter().copied().find(is_usable).or_else(|| holders.get(turn).copied())
    }

    /// The pause before a broken feed is asked for again.
    pub(crate) fn feed_pause(&self, failures: u32, pause_ms_max: u32) -> Duration {
        let base_ms = self.config.backoff_base_ms;
        backoff::pause(failures, base_ms, pause_ms_max.max(base_ms), self.environment.random_unit())
    }

    /// The feed service of a node, and its name.
    pub(crate) fn feed_at(&self, index: usize) -> Option<(String, FeedServiceClient<Channel>)> {
        let routes = self.routes();
        let node = routes.nodes.get(index)?;
        let client = FeedServiceClient::new(node.channel()?);
        let client = client.max_decoding_message_size(self.config.message_bytes_max);
        Some((label(node), client))
    }

    /// How many partitions of sessions there are; the number stands for the global one.
    pub(crate) fn partition_count(&self) -> u32 {
        self.routes().table.partition_count()
    }

    /// The partition of a key that begins with these bytes.
    pub(crate) fn partition_of_leading(&self, leading: [u8; 2]) -> u32 {
        let place = Place::Leading(u16::from_be_bytes(leading));
        let partition = self.partition_of(place).filter(|_| leading != GLOBAL);
        partition.unwrap_or_else(|| self.partition_count())
    }

    /// The export service of a node that holds a partition, another one with each attempt.
    pub(crate) fn export_at(&self, partition: u32, attempt: u32) -> Option<ExportServiceClient<Channel>> {
        let routes = self.routes();
        let holders = holders(&routes.table, partition);
        let turn = usize::try_from(attempt).ok()?.checked_rem(holders.len())?;
        let channel = routes.nodes.get(*holders.get(turn)?)?.channel()?;
        let bytes_max = self.config.message_bytes_max;
        Some(ExportServiceClient::new(channel).max_decoding_message_size(bytes_max))
    }

    /// The explain service of every node, best first.
    pub(crate) fn explain_anywhere(&self, place: Place) -> Vec<ExplainServiceClient<Channel>> {
        let bytes_max = self.config.message_bytes_max;
        let client = |it| ExplainServiceClient::new(it).max_decoding_message_size(bytes_max);
        self.channels(place).into_iter().map(client).collect()
    }
}

/// The nodes that hold a partition; of the global one these are all.
fn holders(table: &Table, partition: u32) -> Vec<usize> {
    if partition >= table.partition_count() {
        return table.order(Place::Anywhere, 0).collect();
    }
    table.holders(partition).collect()
}

/// Tells nodes apart: names need not differ between regions.
fn label(node: &Node) -> String {
    format!("{}/{}", node.identity.region, node.identity.name)
}
