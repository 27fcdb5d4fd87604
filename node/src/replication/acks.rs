//! Waiting until enough replicas have a write.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_proto::session::v1::Consistency;
use tokio::sync::Notify;

use super::core::Message;
use super::quorum::{Quorums, Tally};
use crate::membership::{Membership, MembershipWatch};
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

pub(super) type Write = (Partition, Origin, u64);

/// Which replicas have confirmed which writes of this node.
#[derive(Default)]
pub struct Acks {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    writes: BTreeMap<Write, Confirmed>,
    /// Writes that nobody waited for at some time, oldest first; some may be claimed by now.
    unclaimed: VecDeque<Write>,
    /// The newest layout that each replica has said it knows.
    layouts: BTreeMap<ReplicaId, u64>,
}

#[derive(Default)]
struct Confirmed {
    by: BTreeSet<ReplicaId>,
    changed: Arc<Notify>,
    waiters: usize,
}

impl Acks {
    /// Takes note of what a peer's message says about the writes of `me`.
    pub fn hear(&self, me: Origin, from: ReplicaId, message: &Message) {
        match message {
            Message::Applied(applied) if applied.incarnation == me.incarnation => {
                self.applied(from, me, &applied.dots);
            }
            Message::LayoutVersion(version) => self.knows_layout(from, *version),
            _ => {}
        }
    }

    /// Waits until as many replicas have this node's write on their disks as the
    /// level asks for, this node counting as one of them.
    ///
    /// # Errors
    /// Too few confirmed within `timeout`.
    pub async fn wait_level(
        &self,
        partition: Partition,
        dot: Dot,
        level: Consistency,
        membership: MembershipWatch,
        timeout: Duration,
    ) -> Result<(), AckShortfall> {
        let me = dot.origin.replica;
        let quorums = |membership: &Membership| Quorums::new(level, me, membership, partition);
        self.wait(partition, dot, me, membership, quorums, timeout).await
    }

    /// A replica says that it has synced writes of `origin`.
    fn applied(&self, from: ReplicaId, origin: Origin, dots: &[(Partition, u64)]) {
        let mut inner = self.inner.lock();
        for (partition, seq) in dots {
            inner.confirm((*partition, origin, *seq), from);
        }
    }

    /// A replica says that from now on it knows a layout.
    fn knows_layout(&self, from: ReplicaId, version: u64) {
        let mut inner = self.inner.lock();
        let known = inner.layouts.entry(from).or_default();
        *known = version.max(*known);
    }

    /// Waits until as many replicas have confirmed a write as `quorums` asks for
    /// under the layout of the moment; `me` made it. Only confirmations count: a
    /// version vector says what a replica holds, not what its disk would give back.
    async fn wait(
        &self,
        partition: Partition,
        dot: Dot,
        me: ReplicaId,
        mut membership: MembershipWatch,
        quorums: impl Fn(&Membership) -> Option<Quorums>,
        timeout: Duration,
    ) -> Result<(), AckShortfall> {
        let write = (partition, dot.origin, dot.seq);
        let claim = Claim::new(self, write, me);
        let tally = |membership: &Membership| {
            quorums(membership)
                .map_or_else(Tally::default, |quorums| self.tally(Some(write), &quorums, |_| false))
        };
        let mut last = Tally::default();
        let enough = async {
            loop {
                let changed = claim.changed.notified();
                tokio::pin!(changed);
                // Registered before the look, so that no confirmation is missed in between.
                changed.as_mut().enable();
                let current = membership.borrow_and_update().clone();
                last = tally(&current);
                if last.missing.is_empty() {
                    return;
                }
                tokio::select! {
                    () = changed => {}
                    Ok(()) = membership.changed() => {}
                }
            }
        };
        let in_time = tokio::time::timeout(timeout, enough).await;
        in_time.map_err(|_| AckShortfall { reached: last.reached, missing: last.missing })
    }

    /// Counts the replicas that have confirmed a write, and others that have it for sure.
    pub(super) fn tally(
        &self,
        write: Option<Write>,
        quorums: &Quorums,
        is_sure: impl Fn(ReplicaId) -> bool,
    ) -> Tally {
        let inner = self.inner.lock();
        let by = write.and_then(|write| inner.writes.get(&write)).map(|confirmed| &confirmed.by);
        let has = |replica: ReplicaId| by.is_some_and(|by| by.contains(&replica)) || is_sure(replica);
        quorums.tally(has, |replica| inner.layouts.get(&replica).copied().unwrap_or_default())
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
    fn new(acks: &'a Acks, write: Write, me: ReplicaId) -> Self {
        let mut inner = acks.inner.lock();
        let confirmed = inner.writes.entry(write).or_default();
        confirmed.waiters += 1;
        confirmed.by.insert(me);
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
    use tokio::sync::watch;

    use super::*;
    use crate::placement::{Layout, RegionReplicas};
    use crate::replication::quorum::tests::membership_of;

    const ORIGIN: Origin = Origin { replica: ReplicaId(1), incarnation: 1 };
    const WRITE: Dot = Dot { origin: ORIGIN, seq: 9 };

    fn membership() -> Membership {
        let ids = |ids: [u16; 3]| ids.into_iter().map(ReplicaId).collect();
        let replicas: RegionReplicas =
            BTreeMap::from([("eu".into(), ids([1, 2, 3])), ("us".into(), ids([4, 5, 6]))]);
        let layout = Layout { version: 3, partitions: vec![replicas], ..Layout::default() };
        membership_of(layout)
    }

    async fn wait(acks: &Acks, level: Consistency) -> Result<(), AckShortfall> {
        let (_sender, watch) = watch::channel(Arc::new(membership()));
        wait_watching(acks, level, watch).await
    }

    async fn wait_watching(
        acks: &Acks,
        level: Consistency,
        watch: MembershipWatch,
    ) -> Result<(), AckShortfall> {
        let timeout = Duration::from_secs(1);
        let quorums = |membership: &Membership| Quorums::new(level, ReplicaId(1), membership, Partition(0));
        acks.wait(Partition(0), WRITE, ReplicaId(1), watch, quorums, timeout).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_confirmation_from_beyond_a_layout_change_counts_once_the_change_is_known_here() {
        let acks = Acks::default();
        acks.knows_layout(ReplicaId(2), 4);
        acks.applied(ReplicaId(2), ORIGIN, &[(Partition(0), 9)]);
        let (sender, watch) = watch::channel(Arc::new(membership()));
        assert!(wait_watching(&acks, Consistency::LocalQuorum, watch.clone()).await.is_err());
        let learn = async {
            tokio::task::yield_now().await;
            let mut newer = membership();
            newer.layout = Arc::new(Layout { version: 4, ..(*newer.layout).clone() });
            sender.send_replace(Arc::new(newer));
        };
        let (outcome, ()) = tokio::join!(wait_watching(&acks, Consistency::LocalQuorum, watch), learn);
        assert_eq!(outcome, Ok(()));
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
            confirm(6, 9);
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
