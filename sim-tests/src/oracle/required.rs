//! Which writes a look must show.

use std::collections::BTreeSet;

use super::{Call, CallId, Custody, Oracle};
use crate::plan::{Consistency, NodeId, SessionId};

impl Oracle {
    /// The writes that a node itself made before `from_us` and has not lost until `until_us`.
    pub(crate) fn made_at(
        &self,
        session: SessionId,
        node: NodeId,
        from_us: u64,
        until_us: u64,
    ) -> BTreeSet<CallId> {
        let is_kept = |call: &&Call| {
            call.made().is_some_and(|(made_at, made_us)| {
                made_at == node
                    && made_us < from_us
                    && self.nodes().keeps(node, call.custody(), (call.invoked_us, made_us), until_us)
            })
        };
        self.effects(session).filter(is_kept).map(|call| call.id).collect()
    }

    /// The acknowledged writes that all replicas must show in the end.
    pub(crate) fn survivors(&self, session: SessionId) -> BTreeSet<CallId> {
        self.effects(session).filter(|call| self.must_survive(call)).map(|call| call.id).collect()
    }

    /// Whether an acknowledged write must be there in the end.
    ///
    /// `Synced` promises the disk of the node that answers, `Buffered` the same
    /// after the sync interval, and a quorum that so many replicas have the
    /// write: in the log, or as a part of a record that is checkpointed later.
    pub(crate) fn must_survive(&self, call: &Call) -> bool {
        let Some((coordinator, _)) = call.acknowledged() else { return false };
        if self.keeps_for_good(call, coordinator, call.custody()) {
            return true;
        }
        let regions = 0..self.plan().shape.regions.len();
        let mut regions = regions.filter(|region| match call.planned.consistency {
            Consistency::LocalOne => false,
            Consistency::LocalQuorum => self.nodes().region(coordinator) == Some(*region),
            Consistency::EachQuorum | Consistency::All => true,
        });
        regions.any(|region| {
            let losers = self
                .nodes()
                .of_region(region)
                .filter(|node| !self.keeps_for_good(call, *node, Custody::Taken));
            losers.count() < self.holders_min(region, call.planned.consistency)
        })
    }

    fn keeps_for_good(&self, call: &Call, node: NodeId, custody: Custody) -> bool {
        let Some(made_us) = call.answered_us else { return false };
        let kept = self.nodes().keeps(node, custody, (call.invoked_us, made_us), self.now_us);
        kept && self.nodes().runs(node)
    }

    /// How many replicas of a region have a write that was acknowledged at a level.
    fn holders_min(&self, region: usize, level: Consistency) -> usize {
        let replicas = self.replicas(region);
        match level {
            Consistency::LocalOne => 1,
            Consistency::LocalQuorum | Consistency::EachQuorum => replicas / 2 + 1,
            Consistency::All => replicas,
        }
    }

    fn replicas(&self, region: usize) -> usize {
        let shape = &self.plan().shape;
        let nodes = shape.regions.get(region).map_or(0, |region| region.nodes);
        usize::from(nodes).min(shape.replicas_per_region as usize)
    }

    /// The writes that a read of a majority must show: those acknowledged by a
    /// majority of the same region before, if no replica there has lost any since.
    pub(crate) fn seen_by_quorum(&self, read: &Call, node: NodeId) -> BTreeSet<CallId> {
        let mut seen = BTreeSet::new();
        let Some(region) = self.nodes().region(node) else { return seen };
        if read.planned.consistency == Consistency::LocalOne {
            return seen;
        }
        for call in self.effects(read.planned.session) {
            let Some((coordinator, acknowledged_us)) = call.acknowledged() else { continue };
            let meets = match (call.planned.consistency, read.planned.consistency) {
                (Consistency::LocalOne, _) | (_, Consistency::LocalOne) => None,
                (Consistency::LocalQuorum, Consistency::LocalQuorum) => {
                    self.nodes().region(coordinator).filter(|of| *of == region)
                }
                // A read of all replicas meets every quorum.
                (Consistency::LocalQuorum, _) => self.nodes().region(coordinator),
                _ => Some(region),
            };
            let Some(region) = meets.filter(|_| acknowledged_us < read.invoked_us) else { continue };
            let until_us = read.answered_us.unwrap_or(self.now_us);
            let span_us = (call.invoked_us, acknowledged_us);
            if self
                .nodes()
                .of_region(region)
                .all(|node| self.nodes().keeps(node, Custody::Taken, span_us, until_us))
            {
                seen.insert(call.id);
            }
        }
        seen
    }
}
