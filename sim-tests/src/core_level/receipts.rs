//! What nodes say of the revocations that they made: which regions have applied them.

use std::collections::BTreeSet;

use sojourn_node::replication::{Spread, spread};
use sojourn_node::session::epoch::covers;
use sojourn_node::session::{Partition, VersionVector};

use super::node::Running;
use super::operations::{Sessions, shown};
use super::world::World;
use crate::plan::{NodeId, SessionId};
use crate::record::{Happening, Shown};

/// Between two looks at a receipt that is not complete.
const LOOK_AGAIN_US: u64 = 50_000;

/// A revocation, and the regions that are known to have applied it.
struct Receipt {
    session: SessionId,
    partition: Partition,
    vector: VersionVector,
    told: BTreeSet<String>,
}

impl World {
    /// Asks a node for the receipt of a revocation that it has just made, until all regions have applied it.
    pub(super) fn follow_receipt(&mut self, at: (NodeId, u64), session: SessionId, vector: VersionVector) {
        let (partition, told) = (self.sessions.partition(session), BTreeSet::new());
        self.look_at_receipt(at, Receipt { session, partition, vector, told });
    }

    fn look_at_receipt(&mut self, at: (NodeId, u64), mut receipt: Receipt) {
        let Some(run) = self.running(at) else { return };
        let (spread, is_lost) = (receipt.spread(run), receipt.is_lost(run));
        let is_over = spread.values().all(|region| region.complete);
        let applied = spread.into_iter().filter(|(_, region)| region.complete && !is_lost);
        for (region, _) in applied.collect::<Vec<_>>() {
            if receipt.told.insert(region.clone()) {
                self.tell_applied(at, &receipt, &region);
            }
        }
        if !is_over {
            self.after_us_at(at, LOOK_AGAIN_US, move |world| world.look_at_receipt(at, receipt));
        }
    }

    /// The replicas that the receipt has counted are looked at in the same moment.
    fn tell_applied(&mut self, at: (NodeId, u64), receipt: &Receipt, region: &str) {
        let session = receipt.session;
        let nodes = self.replicas(at.0, receipt.partition, region);
        let by = at.0;
        self.record(Happening::Applied {
            node: by,
            session,
            region: region.to_owned(),
            replicas: nodes.clone(),
        });
        for node in nodes {
            self.probe(node, session);
        }
    }
}

impl Receipt {
    /// As the node's shell asks for it.
    fn spread(&self, run: &Running) -> Spread {
        let shared = &run.shared;
        let (partition, vector) = (self.partition, &self.vector);
        let is_here = covers(&shared.engine.vector(partition), vector);
        spread(shared.me, &shared.membership(), partition, vector, &shared.acks, |replica| {
            if replica == shared.me.replica {
                is_here
            } else {
                run.core.is_known_to_hold(replica, partition, vector)
            }
        })
    }

    /// The node has passed over the entry, because no node held it any more.
    fn is_lost(&self, run: &Running) -> bool {
        let engine = &run.shared.engine;
        let Some(Some(record)) = engine.read_now(Sessions::key(self.session)) else { return false };
        let now_ms = run.shared.env.clock.wall_ms();
        covers(&engine.vector(self.partition), &self.vector)
            && matches!(shown(&record.state, now_ms), Shown::Live(_))
    }
}
