//! Weighted rendezvous hashing, in integers only.
//!
//! A node's score for a partition is `-weight / ln(u)` with `u` a hash of both,
//! uniform in (0, 1); the highest scores hold the partition. Each score depends
//! on one node alone, so a node that joins or leaves moves only what it takes or
//! gives up. Every node of the cluster must compute the same layout, so the
//! logarithm is a fixed-point one: no floating point, hence no difference
//! between processors or libraries.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Layout, LayoutNode, RegionReplicas};
use crate::session::ReplicaId;

/// Part of the layout's definition: another seed is another layout.
const SEED: u64 = 0x736f_6a6f_7572_6e01;

/// Bits after the binary point of a logarithm.
const FRACTION_BITS: u32 = 32;

impl Layout {
    /// Places `partition_count` partitions on the nodes of each region, and the
    /// global one, which is the last, on all nodes.
    ///
    /// Each partition gets `replicas_per_region` replicas in every region, or all
    /// of the region's nodes if they are fewer. The order of `nodes` does not
    /// matter; a weight of 0 counts as 1.
    #[must_use]
    pub fn compute(
        version: u64,
        partition_count: u32,
        replicas_per_region: u32,
        nodes: &[LayoutNode],
    ) -> Self {
        let mut regions: BTreeMap<&str, Vec<&LayoutNode>> = BTreeMap::new();
        for node in nodes {
            regions.entry(&node.region).or_default().push(node);
        }
        let sessions = (0..partition_count).map(|partition| place(partition, replicas_per_region, &regions));
        let global = place(partition_count, u32::MAX, &regions);
        Self {
            version,
            partition_count,
            replicas_per_region,
            partitions: sessions.chain([global]).collect(),
            next: None,
        }
    }
}

fn place(
    partition: u32,
    replicas_per_region: u32,
    regions: &BTreeMap<&str, Vec<&LayoutNode>>,
) -> RegionReplicas {
    let replicas_max = usize::try_from(replicas_per_region).unwrap_or(usize::MAX);
    let place_in = |nodes: &[&LayoutNode]| {
        let mut scores: Vec<Score> = nodes.iter().map(|node| Score::of(partition, node)).collect();
        scores.sort_by_key(|score| Reverse(*score));
        scores.dedup_by_key(|score| score.replica);
        scores.into_iter().take(replicas_max).map(|score| score.replica).collect()
    };
    regions.iter().map(|(region, nodes)| ((*region).to_owned(), place_in(nodes))).collect()
}

/// `weight / distance`, kept as a fraction so that comparing it is exact.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Score {
    weight: u64,
    distance: u64,
    replica: ReplicaId,
}

impl Score {
    fn of(partition: u32, node: &LayoutNode) -> Self {
        let mut input = [0; 6];
        input[..4].copy_from_slice(&partition.to_be_bytes());
        input[4..].copy_from_slice(&node.replica.0.to_be_bytes());
        let hash = xxh3_64_with_seed(&input, SEED);
        Self { weight: u64::from(node.weight.max(1)), distance: minus_log2(hash), replica: node.replica }
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        let own = u128::from(self.weight) * u128::from(other.distance);
        let others = u128::from(other.weight) * u128::from(self.distance);
        own.cmp(&others).then(self.replica.cmp(&other.replica))
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `-log2(hash / 2^64)` in fixed point, at least 1.
///
/// The fraction comes bit by bit from squaring the mantissa.
fn minus_log2(hash: u64) -> u64 {
    let hash = hash.max(1);
    let zeros = hash.leading_zeros();
    let mut mantissa = u128::from(hash) << zeros;
    let mut fraction = 0u64;
    for _ in 0..FRACTION_BITS {
        mantissa = (mantissa * mantissa) >> 63;
        fraction <<= 1;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            fraction |= 1;
        }
    }
    let log2 = (u64::from(63 - zeros) << FRACTION_BITS) | fraction;
    ((64u64 << FRACTION_BITS) - log2).max(1)
}

#[cfg(test)]
mod tests;
