//! Which node is asked for which partitions.

use std::collections::BTreeMap;

use sojourn_proto::feed::v1 as pb;

use super::Watch;
use super::line::line;

impl Watch {
    /// Opens feeds for all partitions that none follows, by the layout of the moment.
    pub(super) fn plan(&mut self) {
        let mut by_node: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for partition in &self.idle {
            if let Some(node) = self.inner.feed_node(self.asked_as(*partition), &self.broken) {
                by_node.entry(node).or_default().push(*partition);
            }
        }
        for (node, partitions) in by_node {
            let Some((name, client)) = self.inner.feed_at(node) else { continue };
            self.idle.retain(|partition| !partitions.contains(partition));
            let request = self.request_for(&partitions);
            self.lines.push(line(name, client, request));
        }
        if !self.idle.is_empty() {
            // The layout names nobody for them: another one will.
            self.retry_at =
                crate::runtime::now() + std::time::Duration::from_millis(super::PAUSE_MS_MAX.into());
        }
    }

    /// The partition whose holder is asked. Of one session, what happens through its
    /// principal is told by a node that holds the session: it knows whose it is.
    fn asked_as(&self, partition: u32) -> u32 {
        if self.request.session_id.is_empty() {
            return partition;
        }
        self.all.first().copied().unwrap_or(partition)
    }

    fn request_for(&self, partitions: &[u32]) -> pb::WatchRequest {
        let place = |partition: &u32| {
            let cursor = self.read.get(partition)?.clone();
            Some(pb::PartitionCursor { partition: *partition, cursor })
        };
        pb::WatchRequest {
            partitions: partitions.to_vec(),
            cursors: partitions.iter().filter_map(place).collect(),
            ..self.request.clone()
        }
    }
}
