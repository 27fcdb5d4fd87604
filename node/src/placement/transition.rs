//! From one layout to the next without losing what was acknowledged.
//!
//! A write that was acknowledged before a change is held by a majority `W` of a
//! region's old replicas. It must be met by every majority of the new ones. A
//! node that has synced from a majority of the old replicas has met `W`. So it is
//! enough that those sync which are new, as long as so many old ones stay that no
//! majority of the new replicas fits beside `W`; otherwise those that stay must
//! sync as well.

use std::collections::BTreeSet;

use super::RegionReplicas;
use crate::session::ReplicaId;

/// The smallest number of replicas of which two sets always meet.
#[must_use]
pub fn majority(replicas: usize) -> usize {
    replicas / 2 + 1
}

/// The nodes that must hold what a partition's replicas hold before it may go over to `next`.
pub(super) fn must_sync(current: &RegionReplicas, next: &RegionReplicas) -> BTreeSet<ReplicaId> {
    let mut nodes = BTreeSet::new();
    if current.values().all(Vec::is_empty) {
        return nodes;
    }
    for (region, replicas) in next {
        let old = current.get(region).map_or(&[][..], Vec::as_slice);
        let all = majority(old.len()) + majority(replicas.len()) <= old.len();
        nodes.extend(replicas.iter().filter(|replica| all || !old.contains(replica)));
    }
    nodes
}

/// Old and new replicas of a partition; the old ones first in each region.
pub(super) fn union(current: &RegionReplicas, next: &RegionReplicas) -> RegionReplicas {
    let mut union = current.clone();
    for (region, replicas) in next {
        let old = union.entry(region.clone()).or_default();
        let new: Vec<ReplicaId> = replicas.iter().copied().filter(|replica| !old.contains(replica)).collect();
        old.extend(new);
    }
    union
}

/// The groups of replicas that a node of `region` may sync from.
///
/// Its own region's, because acknowledgements and quorum reads within a region
/// meet only there. A region without any replica has promised nothing of its
/// own: what it must not miss was acknowledged by a majority in *each* region, so
/// any one region will do, and a region that cannot be reached holds up nobody.
pub(super) fn sources(current: &RegionReplicas, region: &str) -> Vec<Vec<ReplicaId>> {
    match current.get(region).filter(|own| !own.is_empty()) {
        Some(own) => vec![own.clone()],
        None => current.values().filter(|group| !group.is_empty()).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(regions: &[(&str, &[u16])]) -> RegionReplicas {
        let ids = |ids: &[u16]| ids.iter().copied().map(ReplicaId).collect();
        regions.iter().map(|(region, replicas)| ((*region).to_owned(), ids(replicas))).collect()
    }

    fn ids(ids: &[u16]) -> BTreeSet<ReplicaId> {
        ids.iter().copied().map(ReplicaId).collect()
    }

    #[test]
    fn those_that_are_new_must_sync() {
        let old = of(&[("eu", &[1, 2, 3]), ("us", &[4])]);
        assert_eq!(must_sync(&old, &of(&[("eu", &[1, 2, 5]), ("us", &[4])])), ids(&[5]));
        assert_eq!(must_sync(&old, &of(&[("eu", &[1, 2, 3]), ("ap", &[6, 7])])), ids(&[6, 7]));
        assert_eq!(must_sync(&of(&[]), &old), ids(&[]), "there is nothing to sync");
    }

    #[test]
    fn those_that_stay_must_sync_when_too_few_do() {
        let old = of(&[("eu", &[1, 2, 3])]);
        assert_eq!(must_sync(&old, &of(&[("eu", &[1, 2])])), ids(&[]));
        assert_eq!(must_sync(&old, &of(&[("eu", &[3])])), ids(&[3]), "1 and 2 may hold what 3 does not");
    }

    #[test]
    fn every_old_majority_meets_every_new_one_by_a_synced_or_a_staying_node() {
        let subsets = |of: &[u16]| -> Vec<BTreeSet<u16>> {
            let pick = |bits: u32| of.iter().enumerate().filter(move |(i, _)| bits >> i & 1 == 1);
            (0..1u32 << of.len()).map(|bits| pick(bits).map(|(_, id)| *id).collect()).collect()
        };
        for old_size in 1..=5u16 {
            let old: Vec<u16> = (1..=old_size).collect();
            for next in subsets(&[1, 2, 3, 4, 5, 6, 7, 8]).iter().filter(|next| (1..=5).contains(&next.len()))
            {
                let next: Vec<u16> = next.iter().copied().collect();
                let synced = must_sync(&of(&[("eu", &old)]), &of(&[("eu", &next)]));
                let acknowledged = subsets(&old).into_iter().filter(|w| w.len() == majority(old.len()));
                for acknowledged in acknowledged {
                    let has = |id: &u16| acknowledged.contains(id) || synced.contains(&ReplicaId(*id));
                    let lacking = next.iter().filter(|id| !has(id)).count();
                    assert!(lacking < majority(next.len()), "{old:?} to {next:?}, {acknowledged:?}");
                }
            }
        }
    }

    #[test]
    fn the_own_region_is_the_source_and_any_other_for_a_new_region() {
        let old = of(&[("eu", &[1, 2]), ("us", &[4])]);
        assert_eq!(sources(&old, "us"), [[ReplicaId(4)]]);
        assert_eq!(sources(&old, "ap"), [vec![ReplicaId(1), ReplicaId(2)], vec![ReplicaId(4)]]);
    }
}
