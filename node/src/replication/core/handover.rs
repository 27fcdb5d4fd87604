//! Handing over partitions that this node no longer holds.
//!
//! A layout takes over when those that gain partitions have synced from a
//! majority; what only this node holds may not be among that. So this node goes
//! on telling the replicas what it has and feeding them what they lack, whether it
//! lost the partition today or while it was away. Its records are not removed.

use super::{Context, Core, Held, Message};
use crate::replication::vectors::PartitionVectors;
use crate::session::ReplicaId;

impl Core {
    /// Tells each connected replica what it is not known to hold of partitions
    /// that are not this node's; its answer says what to feed it.
    pub(super) fn hand_over(&mut self, context: &mut Context<'_>) {
        let left: PartitionVectors = self
            .topology
            .not_held()
            .map(|partition| (partition, context.held.vector(partition)))
            .filter(|(_, vector)| !vector.dots.is_empty())
            .collect();
        if left.is_empty() {
            return;
        }
        for (id, peer) in self.peers.iter().filter(|(_, peer)| peer.link.is_some()) {
            let vectors = self.lacking(*id, peer, &left);
            if !vectors.is_empty() {
                context.send(*id, Message::Vectors { vectors, reply_wanted: true });
            }
        }
    }

    fn lacking(&self, id: ReplicaId, peer: &super::Peer, left: &PartitionVectors) -> PartitionVectors {
        let lacks = |(partition, vector): &(&_, &crate::session::VersionVector)| {
            let covered = vector.dots.iter().all(|(origin, seq)| peer.covers(**partition, *origin, *seq));
            self.topology.holds(id, **partition) && !covered
        };
        left.iter().filter(lacks).map(|(partition, vector)| (*partition, vector.clone())).collect()
    }

    /// What this node holds of partitions that its peer no longer does and has told about.
    pub(super) fn handed_over(&self, theirs: &PartitionVectors, held: &dyn Held) -> PartitionVectors {
        let me = self.topology.me().replica;
        let mine = theirs.keys().filter(|partition| self.topology.holds(me, **partition));
        mine.map(|partition| (*partition, held.vector(*partition))).collect()
    }
}
