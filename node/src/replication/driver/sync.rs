//! Telling the membership that this node can serve what it is about to.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use crate::placement::majority;
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
            self.complete_all(*partition).await?;
        }
        self.replica.persist().await.map_err(|error| error.to_string())?;
        self.reports.report_synced(layout_version).await.map_err(|error| error.to_string())
    }

    /// Completes the partial records of a partition. One that a majority of its
    /// replicas does not hold in full either was never acknowledged, and holds up nothing.
    async fn complete_all(&self, partition: Partition) -> Result<(), String> {
        let partials = self.replica.partials(partition, PARTIALS_MAX);
        for keys in partials.chunks(FETCH_KEYS_MAX) {
            let (missing, answered) = self.complete(partition, keys.to_vec()).await;
            if !missing.is_empty() && !self.is_majority(partition, &answered) {
                return Err(format!("records of {partition:?} are incomplete and too few replicas answer"));
            }
        }
        if partials.len() < PARTIALS_MAX || self.are_gone(partition, &partials) {
            return Ok(());
        }
        Err(format!("{partition:?} has too many incomplete records"))
    }

    fn are_gone(&self, partition: Partition, keys: &[Key]) -> bool {
        let still = self.replica.partials(partition, PARTIALS_MAX);
        !still.iter().any(|key| keys.contains(key)) && still.len() < PARTIALS_MAX
    }

    fn is_majority(&self, partition: Partition, answered: &[ReplicaId]) -> bool {
        let membership = self.membership();
        let Some(regions) = membership.layout.read_replicas(partition) else { return true };
        let here = membership.nodes.get(&self.me.replica).and_then(|node| regions.get(&node.region));
        let has = |group: &Vec<ReplicaId>| {
            let answered = group.iter().filter(|id| answered.contains(id) || **id == self.me.replica);
            answered.count() >= majority(group.len())
        };
        here.map_or_else(|| regions.values().any(has), has)
    }
}
