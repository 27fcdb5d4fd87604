//! What all nodes say about themselves, and whether their replicas agree.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::future::join_all;
use sojourn_client::Client;
use sojourn_client::cluster_types::GetStatusResponse;

use super::state::{ClusterState, NodeEntry};

/// One node and what it answered.
#[derive(Clone, Debug)]
pub(crate) struct NodeView {
    /// The node.
    pub(crate) node: NodeEntry,
    /// Its status, or why there is none.
    pub(crate) status: Result<GetStatusResponse, String>,
}

/// Asks every node at the same time.
pub(crate) async fn views(client: &Client, state: &ClusterState, digests: bool) -> Vec<NodeView> {
    let ask = async |node: &NodeEntry| NodeView {
        node: node.clone(),
        status: client.status(&node.address, digests).await.map_err(|error| error.to_string()),
    };
    join_all(state.nodes.iter().map(ask)).await
}

impl NodeView {
    /// Whether it takes calls.
    pub(crate) fn is_ready(&self) -> bool {
        self.status.as_ref().is_ok_and(|status| status.ready)
    }

    /// The state in one word and why.
    pub(crate) fn readiness(&self) -> String {
        match &self.status {
            Ok(status) if status.ready => "ready".to_owned(),
            Ok(status) => format!("not ready: {}", status.not_ready_reasons.join("; ")),
            Err(_) => "no answer".to_owned(),
        }
    }

    /// Its largest replication lag, in milliseconds.
    pub(crate) fn lag_ms(&self) -> u64 {
        let peers = self.status.as_ref().map(|status| status.peers.as_slice()).unwrap_or_default();
        peers.iter().map(|peer| peer.lag_ms).max().unwrap_or(0)
    }
}

/// Whether all nodes take calls and agree on a layout that no change is under way of.
pub(crate) fn are_settled(views: &[NodeView]) -> bool {
    let layouts: BTreeSet<(u64, u64)> = views
        .iter()
        .filter_map(|view| view.status.as_ref().ok())
        .map(|status| (status.layout_version, status.next_layout_version))
        .collect();
    let one = layouts.len() == 1 && layouts.iter().all(|(_, next)| *next == 0);
    one && views.iter().all(NodeView::is_ready)
}

/// Whether the replicas of every partition have equal digests.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Comparison {
    /// Partitions with more than one replica that answered.
    pub(crate) compared: usize,
    /// Partitions whose replicas differ, with the nodes of each digest.
    pub(crate) differing: BTreeMap<u32, Vec<Vec<String>>>,
    /// Nodes that gave no digests.
    pub(crate) silent: Vec<String>,
}

impl Comparison {
    /// Whether every node answered and all replicas agree.
    pub(crate) fn agrees(&self) -> bool {
        self.compared > 0 && self.differing.is_empty() && self.silent.is_empty()
    }
}

/// Compares the digests that all nodes gave.
pub(crate) fn compare_digests(views: &[NodeView]) -> Comparison {
    let mut comparison = Comparison::default();
    let mut partitions: BTreeMap<u32, BTreeMap<Bytes, Vec<String>>> = BTreeMap::new();
    for view in views {
        let name = &view.node.name;
        match &view.status {
            Ok(status) if !status.digests.is_empty() => {
                for digest in &status.digests {
                    let holders = partitions.entry(digest.partition).or_default();
                    holders.entry(digest.digest.clone()).or_default().push(name.clone());
                }
            }
            _ => comparison.silent.push(name.clone()),
        }
    }
    for (partition, holders) in partitions {
        comparison.compared += usize::from(holders.values().map(Vec::len).sum::<usize>() > 1);
        if holders.len() > 1 {
            comparison.differing.insert(partition, holders.into_values().collect());
        }
    }
    comparison
}

#[cfg(test)]
mod tests {
    use sojourn_client::cluster_types::PartitionDigest;

    use super::*;

    fn view(name: &str, digests: &[(u32, &'static str)]) -> NodeView {
        let digest = |(partition, digest): &(u32, &'static str)| PartitionDigest {
            partition: *partition,
            digest: Bytes::from_static(digest.as_bytes()),
            records: 1,
        };
        let digests = digests.iter().map(digest).collect();
        let node = NodeEntry { name: name.into(), region: "eu".into(), address: String::new() };
        NodeView { node, status: Ok(GetStatusResponse { digests, ..Default::default() }) }
    }

    #[test]
    fn equal_digests_agree() {
        let views = [view("a", &[(0, "x"), (1, "y")]), view("b", &[(0, "x")]), view("c", &[(1, "y")])];
        let comparison = compare_digests(&views);
        assert!(comparison.agrees());
        assert_eq!(comparison.compared, 2);
    }

    #[test]
    fn a_differing_replica_is_named() {
        let comparison = compare_digests(&[view("a", &[(7, "x")]), view("b", &[(7, "z")])]);
        assert!(!comparison.agrees());
        assert_eq!(comparison.differing[&7], [["a"], ["b"]]);
    }

    #[test]
    fn a_node_that_does_not_answer_is_no_agreement() {
        let mut silent = view("b", &[]);
        silent.status = Err("no answer".into());
        let comparison = compare_digests(&[view("a", &[(0, "x")]), view("c", &[(0, "x")]), silent]);
        assert!(!comparison.agrees());
        assert_eq!(comparison.silent, ["b"]);
    }
}
