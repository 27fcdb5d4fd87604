//! PURE. From the layout that serves to the newest one.
//!
//! Reads stay with the old replicas until every node that the newest layout
//! needs has said that it synced. Another change on the way gives the newest
//! layout a higher version, and all must say so again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ClusterState;
use crate::membership::{ChangeOutcome, NodeState, Refusal};
use crate::placement::{Layout, LayoutNode};
use crate::session::ReplicaId;

/// The layout that serves while a newer one is being synced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// Its version.
    pub version: u64,
    /// The nodes it was computed from; those removed since then do not serve any longer.
    pub nodes: Vec<LayoutNode>,
    /// Who has synced the newest layout.
    pub synced: BTreeSet<ReplicaId>,
}

impl ClusterState {
    pub(super) fn compute(&self, version: u64, nodes: &[LayoutNode]) -> Layout {
        Layout::compute(version, self.partition_count, self.replicas_per_region, nodes)
    }

    pub(super) fn is_removed(&self, replica: ReplicaId) -> bool {
        self.nodes.get(&replica).is_none_or(|node| node.state == NodeState::Removed)
    }

    /// Nodes of the layout that serves which were removed since.
    pub(super) fn fenced(&self) -> BTreeSet<ReplicaId> {
        let nodes = self.serving.iter().flat_map(|serving| &serving.nodes).map(|node| node.replica);
        nodes.filter(|replica| self.is_removed(*replica)).collect()
    }

    /// Other nodes are to hold partitions than did `before`, or fewer can serve them.
    pub(super) fn begin_transition(&mut self, before: Vec<LayoutNode>) {
        let (version, nodes) = match self.serving.take() {
            Some(serving) => (serving.version, serving.nodes),
            None => (self.layout_version, before),
        };
        let mut serving = Serving { version, nodes, synced: BTreeSet::new() };
        // Clients take only newer layouts, and must learn that a node is gone.
        if serving.nodes.iter().any(|node| self.is_removed(node.replica)) {
            self.layout_version += 1;
            serving.version = self.layout_version;
        }
        self.layout_version += 1;
        self.serving = Some(serving);
    }

    /// The newest layout serves once nobody has to sync any more.
    pub(super) fn end_transition(&mut self) {
        if self.serving.is_some() && self.layout().next.is_some_and(|next| next.unsynced.is_empty()) {
            self.serving = None;
        }
    }

    pub(super) fn synced(
        &mut self,
        replica: ReplicaId,
        layout_version: u64,
    ) -> Result<ChangeOutcome, Refusal> {
        self.living(replica)?;
        // A report on an older layout says nothing of the newest.
        if let Some(serving) = self.serving.as_mut().filter(|_| layout_version == self.layout_version) {
            serving.synced.insert(replica);
        }
        Ok(ChangeOutcome::Done)
    }
}
