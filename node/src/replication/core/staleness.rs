//! How old what this node knows of its peers' writes may be.
//!
//! Before a heartbeat a node tells the highest entries that it holds of the partitions
//! that it shares with the receiver ([`Message::Seen`]), as far as they have changed since
//! the last time on this link. The heartbeat echoes one of the receiver's own. Links are
//! ordered, so with it everything is told that the sender held when it got the echoed one,
//! which is not before the moment it was sent, by the receiver's own monotonic clock. Once
//! the receiver holds all of that, it is *as fresh as of that moment* with regard to that
//! peer; until then as of the last moment for which this was so.
//!
//! A node tells what it holds whoever wrote it: a write may live on only there, because
//! the node that made it is gone or has forgotten it. A partition counts once the peer has
//! told it on the open link: a peer that does not know yet that both hold it says nothing of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crdts::CvRDT;

use super::{Context, Core, Held, Message};
use crate::replication::vectors::PartitionVectors;
use crate::session::epoch::covers;
use crate::session::{Partition, ReplicaId, VersionVector};

/// What was told and is not held yet is kept for so many moments a peer and partition;
/// beyond that the newest ones become one, so that the figure is larger, never smaller.
const AWAITED_MAX: usize = 4;

/// What a peer has told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// All that the peer held then was told on the open link, or on the last one.
    until: Option<Duration>,
    partitions: BTreeMap<Partition, ToldPartition>,
    /// Told since the last heartbeat, which will say as of when.
    undated: PartitionVectors,
}

#[derive(Debug, Default)]
struct ToldPartition {
    on_this_link: bool,
    /// As of when all was held, if that is not as of [`Told::until`].
    as_of: Option<Duration>,
    /// What was told and was not held when it was last looked at, oldest first.
    awaited: VecDeque<Awaited>,
}

#[derive(Debug)]
struct Awaited {
    as_of: Duration,
    vector: VersionVector,
}

impl Told {
    /// A new link: the peer may have forgotten what it told, and begins anew.
    pub(super) fn begin_link(&mut self, held: &dyn Held) {
        self.undated.clear();
        let until = self.until;
        for (partition, told) in &mut self.partitions {
            told.as_of = told.as_of(until, &held.vector(*partition));
            told.awaited.clear();
            told.on_this_link = false;
        }
    }

    /// The peer tells what it holds.
    pub(super) fn hear(&mut self, vectors: PartitionVectors) {
        for (partition, vector) in vectors {
            self.undated.entry(partition).or_default().merge(vector);
        }
    }

    /// All that the peer held at `moment` has been told.
    pub(super) fn date(&mut self, moment: Duration, held: &dyn Held) {
        for (partition, vector) in std::mem::take(&mut self.undated) {
            let told = self.partitions.entry(partition).or_default();
            told.wait_for(self.until, Awaited { as_of: moment, vector });
        }
        self.until = self.until.max(Some(moment));
        for (partition, told) in &mut self.partitions {
            if !told.awaited.is_empty() {
                told.look(&held.vector(*partition));
            }
        }
    }

    /// As of when everything that the peer held of a partition is held here.
    fn as_of(&self, partition: Partition, held: &dyn Held) -> Option<Duration> {
        self.partitions.get(&partition)?.as_of(self.until, &held.vector(partition))
    }
}

impl ToldPartition {
    fn as_of(&self, until: Option<Duration>, held: &VersionVector) -> Option<Duration> {
        let reached = self.awaited.iter().take_while(|awaited| covers(held, &awaited.vector)).count();
        if self.on_this_link && (reached == self.awaited.len() || planted!(FreshBeforeItCame)) {
            return until;
        }
        let last = reached.checked_sub(1).and_then(|last| self.awaited.get(last));
        last.map(|awaited| awaited.as_of).max(self.as_of)
    }

    fn wait_for(&mut self, until: Option<Duration>, next: Awaited) {
        if self.on_this_link && self.awaited.is_empty() {
            self.as_of = until;
        }
        self.on_this_link = true;
        let is_full = self.awaited.len() >= AWAITED_MAX;
        match self.awaited.back_mut().filter(|_| is_full) {
            Some(last) => {
                last.as_of = next.as_of;
                last.vector.merge(next.vector);
            }
            None => self.awaited.push_back(next),
        }
    }

    fn look(&mut self, held: &VersionVector) {
        while let Some(next) = self.awaited.front().filter(|next| covers(held, &next.vector)) {
            self.as_of = Some(next.as_of);
            self.awaited.pop_front();
        }
    }
}

impl Core {
    /// As of when this node knows all that each region's replicas of a partition held, by
    /// its monotonic clock; none: of one of them nothing is known.
    #[must_use]
    pub fn fresh_as_of(
        &self,
        partition: Partition,
        now: Duration,
        held: &dyn Held,
    ) -> BTreeMap<String, Option<Duration>> {
        let me = self.topology.me().replica;
        let of = |replica: &ReplicaId| {
            if *replica == me {
                return Some(now);
            }
            self.peers.get(replica)?.told.as_of(partition, held)
        };
        let regions = self.topology.replicas(partition).into_iter().flatten();
        let known = regions.filter(|(_, replicas)| !replicas.is_empty());
        known.map(|(name, ids)| (name.clone(), ids.iter().map(of).min().flatten())).collect()
    }

    /// Sends a heartbeat, and before it what is held by now. `seen` keeps what was looked up.
    pub(super) fn send_beat(
        &mut self,
        to: ReplicaId,
        seen: &mut PartitionVectors,
        context: &mut Context<'_>,
    ) {
        let Some(peer) = self.peers.get_mut(&to) else { return };
        let Some(link) = &mut peer.link else { return };
        let beat = link.beat(context.time());
        if beat.echo_us > 0 {
            let once_shared = link.told.keys().filter(|partition| !peer.shared.contains(*partition));
            let told = peer.shared.iter().chain(once_shared).copied().collect::<Vec<_>>();
            let news = news(&told, &mut link.told, seen, context.held);
            if !news.is_empty() {
                context.send(to, Message::Seen(news));
            }
        }
        context.send(to, Message::Heartbeat(beat));
    }
}

/// What is held beyond what was told; a partition that was never told comes in any case.
fn news(
    partitions: &[Partition],
    told: &mut PartitionVectors,
    seen: &mut PartitionVectors,
    held: &dyn Held,
) -> PartitionVectors {
    let mut news = PartitionVectors::new();
    for partition in partitions {
        let seen = seen.entry(*partition).or_insert_with(|| held.seen(*partition));
        let before = told.get(partition);
        if before == Some(seen) {
            continue;
        }
        let is_new = |(origin, seq): &(&_, &u64)| before.is_none_or(|before| before.get(origin) < **seq);
        let dots = seen.dots.iter().filter(is_new).map(|(origin, seq)| (*origin, *seq)).collect();
        news.insert(*partition, VersionVector { dots });
        told.insert(*partition, seen.clone());
    }
    news
}

#[cfg(test)]
mod tests;
