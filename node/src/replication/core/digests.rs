//! Comparing digests, so that what no version vector names is repaired as well.
//!
//! Records also change without an entry of the log: by a transfer that ends early, or
//! by a read of several replicas. Is the peer that they came from lost before its
//! entries have arrived, then the vectors of the others agree and their records do not.
//! So peers whose vectors agree compare the digests of what they hold. Where two differ
//! again and again, the partition is transferred; the other side does the same, and both
//! come to hold what either held.
//!
//! Replicas remove what is over at slightly different moments, which looks the same for
//! a while. A transfer that changed nothing doubles the wait before the next one.

use std::collections::BTreeMap;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::{Context, Core, Hashes, Held, Message};
use crate::session::{Partition, ReplicaId};

/// Digests by partition.
pub(crate) type PartitionDigests = BTreeMap<Partition, u128>;

/// For so many `gossip_stall_ms` a difference is left to what is on its way.
const STALLS_MIN: u32 = 5;

/// So often in a row it must have been seen.
const SEEN_MIN: u32 = 3;

/// The wait is doubled at most so often: to 85 minutes by default.
const DOUBLINGS_MAX: u32 = 10;

/// A partition of which a peer holds other records, though the vectors agree.
#[derive(Clone, Copy)]
pub(super) struct Difference {
    since: Duration,
    seen: u32,
}

/// What came of earlier repairs of a partition.
#[derive(Clone, Copy, Default)]
pub(super) struct Repair {
    /// The digest when a transfer was asked for, until it has ended.
    before: Option<u128>,
    /// How many in a row changed nothing.
    in_vain: u32,
}

impl Core {
    /// A hash over the digests of the partitions shared with a peer.
    pub(super) fn digests_hash(&self, peer: ReplicaId, held: &dyn Held) -> u128 {
        hash(&self.shared_digests(peer, held))
    }

    fn shared_digests(&self, peer: ReplicaId, held: &dyn Held) -> PartitionDigests {
        let shared = self.peers.get(&peer).map_or(&[][..], |peer| &peer.shared);
        shared.iter().map(|partition| (*partition, held.digest(*partition))).collect()
    }

    /// The vectors of a peer agree with this node's: so should the digests.
    pub(super) fn compare_digests(&mut self, from: ReplicaId, theirs: Hashes, context: &mut Context<'_>) {
        let mine = self.shared_digests(from, context.held);
        if hash(&mine) == theirs.digests {
            self.differences.retain(|(peer, _), _| *peer != from);
            if theirs.differed {
                context.send(from, Message::Digests(PartitionDigests::new()));
            }
        } else if !planted!(DigestsAreNotTold) {
            context.send(from, Message::Digests(mine));
        }
    }

    /// Whether this node's digests and a peer's were not equal when they were compared last.
    pub(super) fn differs_from(&self, peer: ReplicaId) -> bool {
        self.differences.keys().any(|(of, _)| *of == peer)
    }

    /// A peer whose vectors agreed says what it holds, because it is not the same or was not.
    pub(super) fn digests(&mut self, from: ReplicaId, theirs: &PartitionDigests, context: &mut Context<'_>) {
        for (partition, mine) in self.shared_digests(from, context.held) {
            let place = (from, partition);
            if theirs.get(&partition).is_none_or(|theirs| *theirs == mine) {
                self.differences.remove(&place);
                continue;
            }
            let begun = Difference { since: context.now, seen: 0 };
            let difference = self.differences.entry(place).or_insert(begun);
            difference.seen = difference.seen.saturating_add(1);
            let difference = *difference;
            if self.is_lasting(partition, difference, context.now) {
                self.repair(partition, from, mine);
            }
        }
        self.start_transfers(context);
    }

    fn is_lasting(&self, partition: Partition, difference: Difference, now: Duration) -> bool {
        let in_vain = self.repairs.get(&partition).map_or(0, |repair| repair.in_vain);
        let stalls = STALLS_MIN << in_vain.min(DOUBLINGS_MAX);
        let patience = Duration::from_millis(self.config.gossip_stall_ms) * stalls;
        difference.seen >= SEEN_MIN && now.saturating_sub(difference.since) >= patience
    }

    fn repair(&mut self, partition: Partition, from: ReplicaId, digest: u128) {
        if self.transfers.contains_key(&partition) {
            return;
        }
        self.differences.retain(|(_, of), _| *of != partition);
        self.repairs.entry(partition).or_default().before = Some(digest);
        self.transfers_waiting.entry(partition).or_insert(from);
    }

    /// A transfer has ended, whatever it was begun for.
    pub(super) fn repaired(&mut self, partition: Partition, held: &dyn Held) {
        let Some(repair) = self.repairs.get_mut(&partition) else { return };
        match repair.before.take() {
            Some(before) if held.digest(partition) == before => repair.in_vain += 1,
            Some(_) => drop(self.repairs.remove(&partition)),
            None => {}
        }
    }
}

fn hash(digests: &PartitionDigests) -> u128 {
    let bytes: Vec<u8> = digests.values().flat_map(|digest| digest.to_be_bytes()).collect();
    xxh3_128(&bytes)
}

#[cfg(test)]
mod tests;
