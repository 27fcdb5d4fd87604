//! PURE. How many replicas a call needs, counted among those that serve and,
//! during a change of the layout, also among those that will.

use std::collections::BTreeMap;

use sojourn_proto::session::v1::Consistency;

use crate::membership::Membership;
use crate::placement::{RegionReplicas, majority};
use crate::session::{Partition, ReplicaId};

/// How many replicas of each region a level asks for.
#[must_use]
pub fn needed(level: Consistency, region: &str, replicas: &RegionReplicas) -> BTreeMap<String, usize> {
    let of = |name: &String, replicas: &Vec<ReplicaId>| {
        let majority = if planted!(MajorityIsHalf) { replicas.len() / 2 } else { majority(replicas.len()) };
        match level {
            Consistency::Unspecified | Consistency::LocalOne => usize::from(name == region),
            Consistency::LocalQuorum => {
                if name == region {
                    majority
                } else {
                    0
                }
            }
            Consistency::EachQuorum if planted!(EachQuorumIsLocal) && name != region => 0,
            Consistency::EachQuorum => majority,
            Consistency::All => replicas.len(),
        }
    };
    let regions = replicas.iter().filter(|(_, replicas)| !replicas.is_empty());
    regions.map(|(name, replicas)| (name.clone(), of(name, replicas))).collect()
}

/// What one call needs under one layout.
#[derive(Clone, Debug)]
pub(super) struct Quorums {
    /// The newest layout that is known. Replicas that know a newer one do not
    /// count: they may have given their sync points before this call.
    layout_version: u64,
    /// Each of them must be satisfied.
    sets: Vec<(RegionReplicas, BTreeMap<String, usize>)>,
    /// All that may be counted.
    replicas: RegionReplicas,
}

/// How far a call has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// How many replicas count, by region.
    pub(super) reached: BTreeMap<String, usize>,
    /// How many more are needed, by region; only regions that lack some.
    pub(super) missing: BTreeMap<String, usize>,
}

impl Quorums {
    /// What a level asks for at `me`; none if there is no such partition.
    pub(super) fn new(
        level: Consistency,
        me: ReplicaId,
        membership: &Membership,
        partition: Partition,
    ) -> Option<Self> {
        let layout = &membership.layout;
        let region = membership.nodes.get(&me).map_or("", |node| node.region.as_str());
        // One replica is one that serves: those that will are not asked.
        let one = matches!(level, Consistency::Unspecified | Consistency::LocalOne);
        let sets = layout.quorum_sets(partition).take(if one { 1 } else { 2 });
        let sets = sets.map(|set| (set.clone(), needed(level, region, set))).collect();
        let replicas = layout.write_replicas(partition)?.clone();
        Some(Self { layout_version: layout.newest_version(), sets, replicas })
    }

    /// The replicas of those regions of which some are needed.
    pub(super) fn candidates(&self) -> impl Iterator<Item = ReplicaId> {
        let needs = |region: &String| {
            self.sets.iter().any(|(_, needed)| needed.get(region).is_some_and(|count| *count > 0))
        };
        self.replicas.iter().filter(move |(region, _)| needs(region)).flat_map(|(_, ids)| ids).copied()
    }

    /// Counts the replicas that have what is asked for and know this layout at
    /// most; `known` is the newest layout a replica is known to know.
    pub(super) fn tally(&self, has: impl Fn(ReplicaId) -> bool, known: impl Fn(ReplicaId) -> u64) -> Tally {
        let counts = |replica: &&ReplicaId| has(**replica) && known(**replica) <= self.layout_version;
        let mut tally = Tally::default();
        for (region, replicas) in &self.replicas {
            tally.reached.insert(region.clone(), replicas.iter().filter(counts).count());
        }
        for (set, needed) in &self.sets {
            for (region, needed) in needed {
                let is_there =
                    |(name, _): &(&String, &Vec<ReplicaId>)| planted!(AcksCountAnyRegion) || *name == region;
                let there = set.iter().filter(is_there).flat_map(|(_, ids)| ids);
                let reached = there.filter(counts).count();
                if *needed > reached {
                    let missing = tally.missing.entry(region.clone()).or_default();
                    *missing = (*missing).max(needed - reached);
                }
            }
        }
        tally
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::membership::{Node, NodeState};
    use crate::placement::Layout;

    const OLD: u64 = 4;
    const NEXT: u64 = 5;

    fn layout(version: u64, replicas: &[u16]) -> Layout {
        let replicas = replicas.iter().copied().map(ReplicaId).collect();
        let partitions = vec![RegionReplicas::from([("eu".to_owned(), replicas)])];
        Layout { version, partition_count: 1, replicas_per_region: 3, partitions, next: None }
    }

    /// A cluster of which replica 1 knows itself alone, and the layout.
    pub(in crate::replication) fn membership_of(layout: Layout) -> Membership {
        let me = Node {
            replica: ReplicaId(1),
            name: "n1".into(),
            region: "eu".into(),
            address: String::new(),
            weight: 1,
            state: NodeState::Active,
            store_id: String::new(),
        };
        Membership {
            cluster_id: "c".into(),
            epoch: 1,
            nodes: BTreeMap::from([(me.replica, me)]),
            layout: Arc::new(layout),
            voters: Vec::new(),
            leader: None,
            term: 1,
        }
    }

    fn missing(level: Consistency, layout: Layout, has: &[u16], known: u64) -> usize {
        let quorums = Quorums::new(level, ReplicaId(1), &membership_of(layout), Partition(0)).unwrap();
        let tally = quorums.tally(|replica| has.contains(&replica.0), |_| known);
        tally.missing.get("eu").copied().unwrap_or_default()
    }

    #[test]
    fn during_a_change_a_quorum_is_one_of_the_old_and_one_of_the_new() {
        let change = || layout(OLD, &[1, 2, 3]).toward(layout(NEXT, &[3, 4, 5]));
        let lacks = |has: &[u16]| missing(Consistency::LocalQuorum, change(), has, OLD);
        assert_eq!(lacks(&[1, 2]), 2, "none of the new");
        assert_eq!(lacks(&[4, 5]), 2, "none of the old");
        assert_eq!(lacks(&[1, 3]), 1);
        assert_eq!(lacks(&[1, 3, 4]), 0);
        assert_eq!(missing(Consistency::All, change(), &[1, 2, 3, 4], OLD), 1);
        assert_eq!(missing(Consistency::LocalOne, change(), &[1], OLD), 0);
    }

    #[test]
    fn who_knows_a_newer_layout_does_not_count() {
        let lacks = |known| missing(Consistency::LocalQuorum, layout(OLD, &[1, 2, 3]), &[1, 2], known);
        assert_eq!((lacks(OLD), lacks(NEXT)), (0, 2));
    }
}
