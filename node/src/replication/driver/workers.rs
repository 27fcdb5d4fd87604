//! The tasks that run as long as the node does.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::replication::core::Event;
use crate::replication::fetch::{Wanted, by_partition, complete, nearest_first};
use crate::replication::lapse::lapse_idle;
use crate::session::{Key, Partition, ReplicaId};

/// Keys in one request for full states.
const FETCH_KEYS_MAX: usize = 64;

/// How long no record must have become partial before all partial ones are tried again.
const PARTIALS_RETRY: Duration = Duration::from_secs(1);

impl Shared {
    /// Ticks the core when it wants to be ticked.
    pub(super) async fn tick(self: Arc<Self>) {
        loop {
            let wake_at = self.state.lock().core.wake_at();
            let wait = wake_at.saturating_sub(self.env.clock.monotonic());
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(wait.max(Duration::from_millis(1))) => {}
            }
            self.handle(Event::Tick);
        }
    }

    /// Pushes this node's writes as they are committed.
    pub(super) async fn push(self: Arc<Self>) {
        let mut commits = self.replica.commits();
        loop {
            let new = tokio::select! {
                () = self.stopping.cancelled() => return,
                new = commits.next() => new,
            };
            if new.skipped {
                self.handle(Event::CommitsSkipped);
            }
            self.handle(Event::Committed(new.entries));
        }
    }

    /// Fetches the full states of records of which only fragments are here.
    pub(super) async fn complete_partials(self: Arc<Self>) {
        let mut partials = self.replica.partial_keys();
        loop {
            let keys = tokio::select! {
                () = self.stopping.cancelled() => return,
                keys = partials.next() => keys,
                // Those that nobody could complete so far, and those of before the start.
                () = tokio::time::sleep(PARTIALS_RETRY) => self.partials(),
            };
            for (partition, keys) in by_partition(&self.membership, keys) {
                for keys in keys.chunks(FETCH_KEYS_MAX) {
                    self.complete(partition, keys.to_vec()).await;
                }
            }
        }
    }

    /// Ends sessions that lay idle, where this node is the one that asks the others.
    pub(super) async fn lapse(self: Arc<Self>) {
        let mut idle = self.replica.idle_keys();
        loop {
            let keys = tokio::select! {
                () = self.stopping.cancelled() => return,
                keys = idle.next() => keys,
            };
            let (me, timeout) = (self.me.replica, Duration::from_millis(self.config.fetch_timeout_ms));
            let fetch_heads = |replica, keys: Vec<Key>| {
                let shared = &self;
                async move { shared.fetch_from(replica, &keys, Wanted::Head).await.ok() }
            };
            lapse_idle(&*self.replica, &self.membership, me, keys, timeout, fetch_heads).await;
        }
    }

    fn partials(&self) -> Vec<Key> {
        let count = self.membership.borrow().layout.partitions.len();
        let partitions = (0..count).filter_map(|number| u16::try_from(number).ok());
        partitions.flat_map(|number| self.replica.partials(Partition(number), FETCH_KEYS_MAX)).collect()
    }

    /// Asks one replica after the other, those of this region first, until none is
    /// missing. Says which still are, and who has answered.
    pub(super) async fn complete(
        &self,
        partition: Partition,
        missing: Vec<Key>,
    ) -> (Vec<Key>, Vec<ReplicaId>) {
        let connected = self.connected();
        let mut replicas = nearest_first(&self.membership(), self.me.replica, partition);
        replicas.retain(|replica| connected.contains(replica));
        let fetch_from = |replica, keys: Vec<Key>| async move {
            let fetched = self.fetch_from(replica, &keys, Wanted::State).await;
            fetched
                .inspect_err(|error| tracing::debug!(peer = %replica, %error, "cannot fetch full states"))
                .ok()
        };
        complete(&*self.replica, partition, missing, replicas, fetch_from).await
    }

    /// The partition of a key.
    pub(in crate::replication) fn partition(&self, key: Key) -> Partition {
        key.partition(self.membership.borrow().layout.partition_count)
    }
}
