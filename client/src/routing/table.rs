//! The layout as a client sees it, and the order in which nodes are asked.

use std::collections::BTreeMap;

use sojourn_proto::cluster::v1::Layout;

use super::place::{Place, partition};

/// A node that takes calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableNode {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) address: String,
}

/// Nodes and which of them hold which partitions. A node is named by its index.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) version: u64,
    pub(crate) nodes: Vec<TableNode>,
    partition_count: u32,
    /// Entry `i` is partition `i`: replicas of all regions, in order of preference.
    replicas: Vec<Box<[usize]>>,
    own_nodes: Vec<usize>,
    other_nodes: Vec<usize>,
}

impl Table {
    /// Reads a layout, for a client in `region`.
    pub(crate) fn new(layout: &Layout, region: &str) -> Self {
        let nodes: Vec<TableNode> = layout
            .nodes
            .iter()
            .map(|node| TableNode {
                name: node.name.clone(),
                region: node.region.clone(),
                address: node.address.clone(),
            })
            .collect();
        let indexes: BTreeMap<u32, usize> =
            layout.nodes.iter().enumerate().map(|(index, node)| (node.replica_id, index)).collect();
        let replicas = layout
            .partitions
            .iter()
            .map(|entry| entry.replica_ids.iter().filter_map(|id| indexes.get(id).copied()).collect())
            .collect();
        let (own_nodes, other_nodes) = (0..nodes.len()).partition(|&index| nodes[index].region == region);
        let partition_count = layout.partition_count;
        Self { version: layout.version, nodes, partition_count, replicas, own_nodes, other_nodes }
    }

    /// The index of a node; none if the layout does not name it.
    pub(crate) fn index_of(&self, node: &TableNode) -> Option<usize> {
        self.nodes.iter().position(|known| known == node)
    }

    /// All nodes, best first: replicas of the own region, other nodes of the own
    /// region (they forward), replicas elsewhere, other nodes elsewhere. `spread`
    /// rotates nodes that are equally good.
    pub(crate) fn order(&self, place: Place, spread: usize) -> impl Iterator<Item = usize> + '_ {
        let replicas = self.replicas_of(place);
        let own = move |index: &usize| self.own_nodes.contains(index);
        let forwards = move |index: &usize| !replicas.contains(index);
        let own_replicas = replicas.iter().copied().filter(own);
        let own_others = rotated(&self.own_nodes, spread).filter(forwards);
        let other_replicas = replicas.iter().copied().filter(move |index| !own(index));
        let others = rotated(&self.other_nodes, spread).filter(forwards);
        own_replicas.chain(own_others).chain(other_replicas).chain(others)
    }

    /// How many partitions there are.
    pub(crate) fn partition_count(&self) -> u32 {
        self.partition_count
    }

    /// The partition of a place; none of [`Place::Anywhere`].
    pub(crate) fn partition_of(&self, place: Place) -> Option<u32> {
        match place {
            Place::Anywhere => None,
            Place::Leading(leading) => u32::try_from(partition(leading, self.partition_count)).ok(),
        }
    }

    /// The replicas of a partition, those of the own region first.
    pub(crate) fn holders(&self, partition: u32) -> impl Iterator<Item = usize> + '_ {
        let held = usize::try_from(partition).ok().and_then(|partition| self.replicas.get(partition));
        let replicas = held.map_or(&[][..], AsRef::as_ref);
        let own = |index: &usize| self.own_nodes.contains(index);
        replicas.iter().copied().filter(own).chain(replicas.iter().copied().filter(move |index| !own(index)))
    }

    /// The node to ask next: the best that is neither tried nor thought to be
    /// down; else the best that is not tried; else the best.
    pub(crate) fn choose(
        &self,
        place: Place,
        spread: usize,
        tried: &[usize],
        usable: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let fresh = |index: &usize| !tried.contains(index);
        self.order(place, spread)
            .find(|index| fresh(index) && usable(*index))
            .or_else(|| self.order(place, spread).find(fresh))
            .or_else(|| self.order(place, spread).next())
    }

    fn replicas_of(&self, place: Place) -> &[usize] {
        match place {
            Place::Anywhere => &[],
            Place::Leading(leading) => {
                self.replicas.get(partition(leading, self.partition_count)).map_or(&[], AsRef::as_ref)
            }
        }
    }
}

fn rotated(nodes: &[usize], by: usize) -> impl Iterator<Item = usize> + '_ {
    let start = by.checked_rem(nodes.len()).unwrap_or(0);
    nodes.iter().copied().cycle().skip(start).take(nodes.len())
}
