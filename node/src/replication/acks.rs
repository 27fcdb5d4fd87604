//! Waiting until enough replicas have a write.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_proto::session::v1::Consistency;
use tokio::sync::Notify;

use super::vectors::PartitionVectors;
use crate::placement::RegionReplicas;
use crate::session::{Dot, Origin, Partition, ReplicaId};

/// Writes whose confirmations are kept while nobody waits: a confirmation may
/// come before its waiter, and a caller may wait again, for more.
const UNCLAIMED_MAX: usize = 16_384;

/// Not enough replicas have confirmed a write in time. It stays and keeps spreading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too few replicas confirmed in time; missing by region: {missing:?}, reached: {reached:?}")]
pub struct AckShortfall {
    /// How many replicas have it, by region.
    pub reached: BTreeMap<String, usize>,
    /// How many more would have been needed, by region; only regions that lack some.
    pub missing: BTreeMap<String, usize>,
}

/// How many replicas of each region a level asks for.
#[must_use]
pub fn needed(level: Consistency, region: &str, replicas: &RegionReplicas) -> BTreeMap<String, usize> {
    let of = |name: &String, replicas: &Vec<ReplicaId>| {
        let majority = if planted!(MajorityIsHalf) { replicas.len() / 2 } else { replicas.len() / 2 + 1 };
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

type Write = (Partition, Origin, u64);

/// Which replicas have confirmed which writes of this node.
#[derive(Default)]
pub(super) struct Acks {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    writes: BTreeMap<Write, Confirmed>,
    /// Writes that nobody waited for at some time, oldest first; some may be claimed by now.
    unclaimed: VecDeque<Write>,
}

#[derive(Default)]
struct Confirmed {
    by: BTreeSet<ReplicaId>,
    changed: Arc<Notify>,
    waiters: usize,
}

impl Acks {
    /// A replica says that it has applied writes of `origin`.
    pub(super) fn applied(&self, from: ReplicaId, origin: Origin, dots: &[(Partition, u64)]) {
        let mut inner = self.inner.lock();
        for (partition, seq) in dots {
            inner.confirm((*partition, origin, *seq), from);
        }
    }

    /// A replica says how far it holds everything.
    pub(super) fn vectors(&self, from: ReplicaId, vectors: &PartitionVectors) {
        let mut inner = self.inner.lock();
        let claimed = inner.writes.iter_mut().filter(|(_, confirmed)| confirmed.waiters > 0);
        for ((partition, origin, seq), confirmed) in claimed {
            let covered = vectors.get(partition).is_some_and(|vector| vector.get(origin) >= *seq);
            if covered && confirmed.by.insert(from) {
                confirmed.changed.notify_waiters();
            }
        }
    }

    /// Waits until `needed` replicas of each region have a write; `holders` have it already.
    pub(super) async fn wait(
        &self,
        partition: Partition,
        dot: Dot,
        holders: Vec<ReplicaId>,
        replicas: &RegionReplicas,
        needed: &BTreeMap<String, usize>,
        timeout: Duration,
    ) -> Result<(), AckShortfall> {
        let write = (partition, dot.origin, dot.seq);
        let claim = Claim::new(self, write, holders);
        let enough = async {
            loop {
                let changed = claim.changed.notified();
                tokio::pin!(changed);
                // Registered before the look, so that no confirmation is missed in between.
                changed.as_mut().enable();
                if self.shortfall(write, replicas, needed).missing.is_empty() {
                    return;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(timeout, enough).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.shortfall(write, replicas, needed)),
        }
    }

    fn shortfall(
        &self,
        write: Write,
        replicas: &RegionReplicas,
        needed: &BTreeMap<String, usize>,
    ) -> AckShortfall {
        let inner = self.inner.lock();
        let by = inner.writes.get(&write).map(|confirmed| &confirmed.by);
        let mut shortfall = AckShortfall { reached: BTreeMap::new(), missing: BTreeMap::new() };
        for (region, replicas) in replicas {
            let is_here = |id: &ReplicaId| planted!(AcksCountAnyRegion) || replicas.contains(id);
            let reached = by.map_or(0, |by| by.iter().filter(|id| is_here(id)).count());
            let missing = needed.get(region).copied().unwrap_or_default().saturating_sub(reached);
            shortfall.reached.insert(region.clone(), reached);
            if missing > 0 {
                shortfall.missing.insert(region.clone(), missing);
            }
        }
        shortfall
    }
}

impl Inner {
    fn confirm(&mut self, write: Write, from: ReplicaId) {
        let unclaimed = &mut self.unclaimed;
        let confirmed = self.writes.entry(write).or_insert_with(|| {
            unclaimed.push_back(write);
            Confirmed::default()
        });
        confirmed.by.insert(from);
        confirmed.changed.notify_waiters();
        self.evict();
    }

    fn evict(&mut self) {
        while self.unclaimed.len() > UNCLAIMED_MAX {
            let Some(oldest) = self.unclaimed.pop_front() else { return };
            if self.writes.get(&oldest).is_some_and(|confirmed| confirmed.waiters == 0) {
                self.writes.remove(&oldest);
            }
        }
    }
}

/// Keeps a write's confirmations while someone waits for them.
struct Claim<'a> {
    acks: &'a Acks,
    write: Write,
    changed: Arc<Notify>,
}

impl<'a> Claim<'a> {
    fn new(acks: &'a Acks, write: Write, holders: Vec<ReplicaId>) -> Self {
        let mut inner = acks.inner.lock();
        let confirmed = inner.writes.entry(write).or_default();
        confirmed.waiters += 1;
        confirmed.by.extend(holders);
        Self { acks, write, changed: confirmed.changed.clone() }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut inner = self.acks.inner.lock();
        if let Some(confirmed) = inner.writes.get_mut(&self.write) {
            confirmed.waiters -= 1;
            if confirmed.waiters == 0 {
                inner.unclaimed.push_back(self.write);
                inner.evict();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Origin = Origin { replica: ReplicaId(1), incarnation: 1 };
    const WRITE: Dot = Dot { origin: ORIGIN, seq: 9 };

    fn replicas() -> RegionReplicas {
        let ids = |ids: [u16; 3]| ids.into_iter().map(ReplicaId).collect();
        BTreeMap::from([("eu".into(), ids([1, 2, 3])), ("us".into(), ids([4, 5, 6]))])
    }

    async fn wait(acks: &Acks, level: Consistency) -> Result<(), AckShortfall> {
        let needed = needed(level, "eu", &replicas());
        let timeout = Duration::from_secs(1);
        acks.wait(Partition(0), WRITE, vec![ReplicaId(1)], &replicas(), &needed, timeout).await
    }

    #[tokio::test(start_paused = true)]
    async fn levels_ask_for_so_many_replicas() {
        let acks = Acks::default();
        assert_eq!(wait(&acks, Consistency::LocalOne).await, Ok(()));
        let missing = |error: AckShortfall| error.missing.into_iter().collect::<Vec<_>>();
        let of = |region: &str, count| (region.to_owned(), count);
        assert_eq!(missing(wait(&acks, Consistency::LocalQuorum).await.unwrap_err()), [of("eu", 1)]);
        let all = wait(&acks, Consistency::All).await.unwrap_err();
        assert_eq!(all.reached, BTreeMap::from([of("eu", 1), of("us", 0)]));
        assert_eq!(missing(all), [of("eu", 2), of("us", 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn confirmations_wake_the_waiter_and_may_come_early() {
        let acks = Acks::default();
        let confirm = |from, seq| acks.applied(ReplicaId(from), ORIGIN, &[(Partition(0), seq)]);
        confirm(2, 9);
        confirm(4, 9);
        confirm(5, 8);
        let later = async {
            tokio::task::yield_now().await;
            let vector = crdts::Dot::new(ORIGIN, 12).into();
            acks.vectors(ReplicaId(6), &BTreeMap::from([(Partition(0), vector)]));
        };
        let (outcome, ()) = tokio::join!(wait(&acks, Consistency::EachQuorum), later);
        assert_eq!(outcome, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_wait_knows_what_the_first_one_saw() {
        let acks = Acks::default();
        acks.applied(ReplicaId(2), ORIGIN, &[(Partition(0), 9)]);
        assert_eq!(wait(&acks, Consistency::LocalQuorum).await, Ok(()));
        assert_eq!(wait(&acks, Consistency::All).await.unwrap_err().reached["eu"], 2);
    }

    #[test]
    fn confirmations_that_nobody_waits_for_are_bounded() {
        let acks = Acks::default();
        for seq in 0..2 * UNCLAIMED_MAX as u64 {
            acks.applied(ReplicaId(2), ORIGIN, &[(Partition(0), seq)]);
        }
        let inner = acks.inner.lock();
        assert_eq!((inner.writes.len(), inner.unclaimed.len()), (UNCLAIMED_MAX, UNCLAIMED_MAX));
    }
}
