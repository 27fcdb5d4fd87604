//! Names for places in a plan.

use crate::plan::{NodeId, Shape};

/// "eu-2" for the second node of region "eu", "node 9" for one that a fault adds.
#[derive(Clone, Debug)]
pub struct Names {
    nodes: Vec<String>,
    regions: Vec<String>,
}

impl Names {
    /// The names of a cluster.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        let numbered =
            |name: &str, nodes: u16| (1..=nodes).map(|number| format!("{name}-{number}")).collect();
        let nodes =
            shape.regions.iter().flat_map(|region| -> Vec<String> { numbered(&region.name, region.nodes) });
        Self {
            nodes: nodes.collect(),
            regions: shape.regions.iter().map(|region| region.name.clone()).collect(),
        }
    }

    /// A node's name.
    #[must_use]
    pub fn node(&self, id: NodeId) -> String {
        self.nodes.get(usize::from(id.0)).cloned().unwrap_or_else(|| id.to_string())
    }

    /// The names of some nodes.
    #[must_use]
    pub fn nodes(&self, ids: &[NodeId]) -> String {
        ids.iter().map(|id| self.node(*id)).collect::<Vec<_>>().join(", ")
    }

    /// A region's name.
    #[must_use]
    pub fn region(&self, index: impl Into<usize>) -> String {
        let index = index.into();
        self.regions.get(index).cloned().unwrap_or_else(|| format!("region {index}"))
    }

    /// The node of a name.
    #[must_use]
    pub fn find_node(&self, name: &str) -> Option<NodeId> {
        let place = self.nodes.iter().position(|node| node == name)?;
        u16::try_from(place).ok().map(NodeId)
    }

    /// The region of a name.
    #[must_use]
    pub fn find_region(&self, name: &str) -> Option<u16> {
        let place = self.regions.iter().position(|region| region == name)?;
        u16::try_from(place).ok()
    }

    /// All node names, in order.
    #[must_use]
    pub fn all_nodes(&self) -> &[String] {
        &self.nodes
    }

    /// All region names, in order.
    #[must_use]
    pub fn all_regions(&self) -> &[String] {
        &self.regions
    }
}
