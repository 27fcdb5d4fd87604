//! What nodes say of how old the revocations are that they go by.

use sojourn_node::session::Partition;

use super::world::World;
use crate::plan::{NodeId, SessionId};
use crate::record::{Happening, RegionFreshness};

impl World {
    /// Tells how fresh a node is that shows a session live, as its API would of one without a principal.
    pub(super) fn tell_freshness(&mut self, node: NodeId, session: SessionId) {
        let partition = self.sessions.partition(session);
        let now = self.time.elapsed();
        let Some(run) = self.machine(node).and_then(|machine| machine.run.as_ref()) else { return };
        let engine = &*run.shared.engine;
        let regions =
            run.core.fresh_as_of(partition, now, engine).into_iter().filter_map(|(region, as_of)| {
                let as_of_us = u64::try_from(as_of?.as_micros()).unwrap_or(u64::MAX);
                let replicas = self.replicas(node, partition, &region);
                Some(RegionFreshness { region, as_of_us, replicas })
            });
        let regions = regions.collect();
        self.record(Happening::Fresh { node, session, regions });
    }

    /// The replicas of a region, as a node knows them.
    pub(super) fn replicas(&self, node: NodeId, partition: Partition, region: &str) -> Vec<NodeId> {
        let run = self.nodes.get(usize::from(node.0)).and_then(|machine| machine.run.as_ref());
        let Some(membership) = run.map(|run| run.shared.membership()) else { return Vec::new() };
        let regions = membership.layout.write_replicas(partition);
        let replicas = regions.and_then(|regions| regions.get(region)).into_iter().flatten();
        replicas.filter_map(|replica| self.raft.machine_of(*replica)).collect()
    }
}
