//! How far writes have come: which regions hold them, and how old what is known of a region may be.

use std::collections::BTreeMap;
use std::time::Duration;

use sojourn_proto::session::v1::Consistency;

use super::acks::{Acks, Write};
use super::driver::{Replication, Shared};
use super::quorum::Quorums;
use crate::membership::Membership;
use crate::session::epoch::covers;
use crate::session::{Origin, Partition, ReplicaId, VersionVector};

/// How far writes have come, by region.
pub type Spread = BTreeMap<String, RegionSpread>;

/// How far writes have come in one region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegionSpread {
    /// Replicas that are known to hold all of them.
    pub holding: usize,
    /// Replicas that serve the partition or are about to.
    pub replicas: usize,
    /// Every replica holds them.
    pub complete: bool,
}

impl Replication {
    /// Which regions are known to hold all that a vector names. A replica is known to if
    /// it has confirmed the write, or has said so on a link that is open.
    #[must_use]
    pub fn spread(&self, partition: Partition, vector: &VersionVector) -> Spread {
        let membership = self.shared.membership();
        self.shared.spread_under(&membership, partition, vector)
    }

    /// Waits until a spread is as wanted, but no longer than `timeout`; gives it as it is then.
    pub async fn wait_spread(
        &self,
        partition: Partition,
        vector: &VersionVector,
        is_wanted: impl Fn(&Spread) -> bool,
        timeout: Duration,
    ) -> Spread {
        let mut membership = self.shared.membership.clone();
        let enough = async {
            loop {
                let learned = self.shared.learned.notified();
                tokio::pin!(learned);
                // Registered before the look, so that nothing learned in between is missed.
                learned.as_mut().enable();
                let current = membership.borrow_and_update().clone();
                if is_wanted(&self.shared.spread_under(&current, partition, vector)) {
                    return;
                }
                tokio::select! {
                    () = learned => {}
                    Ok(()) = membership.changed() => {}
                }
            }
        };
        // Too late or not: the caller gets what there is.
        let _ = tokio::time::timeout(timeout, enough).await;
        self.spread(partition, vector)
    }

    /// As of when this node knows all that each region's replicas of a partition held, by
    /// its monotonic clock; none: of one of them nothing is known.
    #[must_use]
    pub fn fresh_as_of(&self, partition: Partition) -> BTreeMap<String, Option<Duration>> {
        let now = self.shared.env.clock.monotonic();
        self.shared.state.lock().core.fresh_as_of(partition, now, &*self.shared.replica)
    }
}

impl Shared {
    fn spread_under(&self, membership: &Membership, partition: Partition, vector: &VersionVector) -> Spread {
        let is_here = covers(&self.replica.vector(partition), vector);
        let state = self.state.lock();
        spread(self.me, membership, partition, vector, &self.acks, |replica| {
            if replica == self.me.replica {
                is_here
            } else {
                state.core.is_known_to_hold(replica, partition, vector)
            }
        })
    }
}

/// How far what a vector names has come, as far as `me` knows by confirmations and
/// by `is_sure`.
#[must_use]
pub fn spread(
    me: Origin,
    membership: &Membership,
    partition: Partition,
    vector: &VersionVector,
    acks: &Acks,
    is_sure: impl Fn(ReplicaId) -> bool,
) -> Spread {
    let Some(quorums) = Quorums::new(Consistency::All, me.replica, membership, partition) else {
        return Spread::new();
    };
    let tally = acks.tally(own_write(me, partition, vector), &quorums, is_sure);
    let regions = membership.layout.write_replicas(partition).into_iter().flatten();
    let known = regions.filter(|(_, replicas)| !replicas.is_empty()).map(|(name, replicas)| {
        let holding = tally.reached.get(name).copied().unwrap_or_default();
        let complete =
            !tally.missing.contains_key(name) || planted!(ReceiptOfAMajority) && 2 * holding > replicas.len();
        (name.clone(), RegionSpread { holding, replicas: replicas.len(), complete })
    });
    known.collect()
}

/// The write that a vector names, if it names one write of this start of `me`.
fn own_write(me: Origin, partition: Partition, vector: &VersionVector) -> Option<Write> {
    let mut dots = vector.dots.iter();
    let (origin, seq) = dots.next()?;
    (dots.next().is_none() && *origin == me).then_some((partition, *origin, *seq))
}
