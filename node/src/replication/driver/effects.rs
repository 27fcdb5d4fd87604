//! Carries out what the core decides.

use std::sync::Arc;

use super::outgoing::Outgoing;
use super::{Shared, State};
use crate::replication::core::{CloseReason, Effect, Event, LogRead};
use crate::replication::seam::Replica;
use crate::session::{Origin, Partition, ReplicaId};

/// Effects that take time; they run in tasks of their own.
enum Slow {
    ReadLog { peer: ReplicaId, link: u64, partition: Partition, origin: Origin, after: u64, bytes_max: usize },
    Transfer { from: ReplicaId, partition: Partition },
    ReportSynced { layout_version: u64, partitions: Vec<Partition> },
}

impl Shared {
    /// Tells the core and does what it wants. Never waits.
    pub(in crate::replication) fn handle(self: &Arc<Self>, event: Event) {
        let now = self.env.clock.now();
        let mut slow = Vec::new();
        {
            let mut state = self.state.lock();
            let State { core, rng, .. } = &mut *state;
            let effects = core.handle(event, now, &*self.replica, rng);
            // Under the lock, so that a link sees effects in the order they were decided.
            for effect in effects {
                slow.extend(state.carry_out(effect, &*self.replica));
            }
        }
        self.learned.notify_waiters();
        for work in slow {
            self.start(work);
        }
    }

    fn start(self: &Arc<Self>, work: Slow) {
        let shared = self.clone();
        match work {
            Slow::ReadLog { peer, link, partition, origin, after, bytes_max } => {
                self.spawn("replication.read_log", async move {
                    let read = shared.replica.entries_after(partition, origin, after, bytes_max).await;
                    let outcome = match read {
                        Some(entries) => LogRead::Entries(entries.into_iter().map(Arc::new).collect()),
                        None => LogRead::Truncated,
                    };
                    shared.handle(Event::LogRead { peer, link, range: (partition, origin), outcome });
                });
            }
            Slow::ReportSynced { layout_version, partitions } => {
                self.spawn("replication.sync", shared.report_synced(layout_version, partitions));
            }
            Slow::Transfer { from, partition } => {
                self.spawn("replication.transfer", async move {
                    let outcome = shared.transfer(from, partition).await;
                    if let Err(error) = &outcome {
                        tracing::warn!(peer = %from, partition = partition.0, %error, "transfer failed");
                    }
                    shared.handle(Event::TransferEnded { partition, brought: outcome.ok() });
                });
            }
        }
    }
}

impl State {
    fn carry_out(&mut self, effect: Effect, replica: &dyn Replica) -> Option<Slow> {
        match effect {
            Effect::SendEntries { to, entries, relay } => self.send(to, Outgoing::Entries { entries, relay }),
            Effect::Send { to, message } => self.send(to, Outgoing::Message(message)),
            Effect::Clock(verdict) => replica.set_clock(verdict),
            Effect::PassOver(gap) => replica.pass_over(gap),
            Effect::Close { peer, reason } => self.close(peer, reason),
            Effect::ReadLog { peer, link, partition, origin, after, bytes_max } => {
                return Some(Slow::ReadLog { peer, link, partition, origin, after, bytes_max });
            }
            Effect::StartTransfer { from, partition } => return Some(Slow::Transfer { from, partition }),
            Effect::Synced { layout_version, partitions } => {
                return Some(Slow::ReportSynced { layout_version, partitions });
            }
        }
        None
    }

    fn send(&self, to: ReplicaId, outgoing: Outgoing) {
        let Some(link) = self.links.get(&to) else { return };
        if link.sender.try_send(outgoing).is_err() {
            link.closed.cancel();
        }
    }

    fn close(&self, peer: ReplicaId, reason: CloseReason) {
        if let Some(link) = self.links.get(&peer) {
            tracing::warn!(peer = %peer, ?reason, "closing a replication link");
            link.closed.cancel();
        }
    }
}
