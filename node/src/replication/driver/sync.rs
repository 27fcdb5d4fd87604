//! Telling the membership that this node can serve what it is about to.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use crate::membership::Membership;
use crate::placement::majority;
use crate::replication::seam::Replica;
use crate::session::{Key, Partition, ReplicaId};

/// Partial records of a partition that are looked at in one report; more wait for the next one.
const PARTIALS_MAX: usize = 1_024;

/// Keys in one request for full states.
const FETCH_KEYS_MAX: usize = 64;

impl Shared {
    /// Completes what is held in part, makes all of it last, and reports. What
    /// fails is tried again when the core asks again.
    pub(super) async fn report_synced(self: Arc<Self>, layout_version: u64, partitions: Vec<Partition>) {
        if self.reporting.swap(true, Ordering::AcqRel) {
            return;
        }
        match self.try_report(layout_version, &partitions).await {
            Ok(()) => {
                tracing::info!(layout_version, partitions = partitions.len(), "synced a layout");
            }
            Err(reason) => tracing::info!(layout_version, reason, "cannot report a synced layout yet"),
        }
        self.reporting.store(false, Ordering::Release);
    }

    async fn try_report(&self, layout_version: u64, partitions: &[Partition]) -> Result<(), String> {
        for partition in partitions {
            let complete = |keys| self.complete(*partition, keys);
            complete_all(&*self.replica, &self.membership(), self.me.replica, *partition, complete).await?;
        }
        self.replica.persist().await.map_err(|error| error.to_string())?;
        self.reports.report_synced(layout_version).await.map_err(|error| error.to_string())
    }
}

/// Completes the partial records of a partition; `complete` says which keys are
/// still missing and who has answered. One that a majority of its replicas does
/// not hold in full either was never acknowledged, and holds up nothing.
///
/// # Errors
/// Says why `me` cannot serve the partition yet.
pub async fn complete_all<Completed: Future<Output = (Vec<Key>, Vec<ReplicaId>)>>(
    replica: &dyn Replica,
    membership: &Membership,
    me: ReplicaId,
    partition: Partition,
    complete: impl Fn(Vec<Key>) -> Completed,
) -> Result<(), String> {
    let partials = replica.partials(partition, PARTIALS_MAX);
    for keys in partials.chunks(FETCH_KEYS_MAX) {
        let (missing, answered) = complete(keys.to_vec()).await;
        if !missing.is_empty() && !is_majority(membership, me, partition, &answered) {
            return Err(format!("records of {partition:?} are incomplete and too few replicas answer"));
        }
    }
    if partials.len() < PARTIALS_MAX || are_gone(replica, partition, &partials) {
        return Ok(());
    }
    Err(format!("{partition:?} has too many incomplete records"))
}

fn are_gone(replica: &dyn Replica, partition: Partition, keys: &[Key]) -> bool {
    let still = replica.partials(partition, PARTIALS_MAX);
    !still.iter().any(|key| keys.contains(key)) && still.len() < PARTIALS_MAX
}

fn is_majority(membership: &Membership, me: ReplicaId, partition: Partition, answered: &[ReplicaId]) -> bool {
    let Some(regions) = membership.layout.read_replicas(partition) else { return true };
    let here = membership.nodes.get(&me).and_then(|node| regions.get(&node.region));
    let has = |group: &Vec<ReplicaId>| {
        let answered = group.iter().filter(|id| answered.contains(id) || **id == me);
        answered.count() >= majority(group.len())
    };
    here.map_or_else(|| regions.values().any(has), has)
}
