//! The engine's background tasks: log writer, checkpoints, removal, held entries.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::error::EngineError;
use super::{Core, Engine};
use crate::session::Partition;

/// How often entries from the future are looked at, in milliseconds.
const HELD_INTERVAL_MS: u64 = 50;

impl Engine {
    /// Starts the workers. Call once, on the runtime that is to run them.
    pub fn start(&self) {
        let core = &self.core;
        core.spawn("engine log", write_log(Arc::clone(core)));
        core.spawn("engine checkpoint", checkpoints(Arc::clone(core)));
        core.spawn("engine held entries", apply_due(Arc::clone(core)));
        core.spawn("engine removal", sweeps(Arc::clone(core)));
    }

    /// Makes everything held so far survive a power loss, records taken over from
    /// peers included: those are in no log block.
    ///
    /// # Errors
    /// [`EngineError::Store`] if the disk fails.
    pub async fn persist(&self) -> Result<(), EngineError> {
        self.core.checkpoint().await
    }

    /// Writes and syncs everything, then stops the workers. Calls after it find the engine not ready.
    pub async fn shutdown(&self) {
        let core = &self.core;
        if let Err(error) = self.persist().await {
            tracing::warn!(%error, "the last checkpoint failed; the log is replayed at the next start");
        }
        core.log.fail("the engine is shut down");
        core.stop.cancel();
        core.checkpointed.notify_waiters();
    }
}

impl Core {
    fn spawn(&self, name: &'static str, worker: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.env.spawn.spawn(
            name,
            Box::pin(async move {
                stop.run_until_cancelled(worker).await;
            }),
        );
    }
}

async fn write_log(core: Arc<Core>) {
    let interval = Duration::from_millis(core.config.sync_interval_ms);
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let is_tick = tokio::select! {
            biased;
            _ = ticks.tick() => true,
            () = core.log.woken() => false,
        };
        let Some(work) = core.log.take_work(is_tick) else { continue };
        if core.blocking(move |core| core.log.write(&*core.store, &work)).await.is_err() {
            core.log.fail("the log writer was stopped");
            return;
        }
    }
}

async fn checkpoints(core: Arc<Core>) {
    let interval = Duration::from_millis(core.config.checkpoint_interval_ms);
    loop {
        tokio::select! {
            biased;
            () = core.checkpoint_wanted.notified() => {}
            () = tokio::time::sleep(interval) => {}
        }
        if let Err(error) = core.checkpoint().await {
            tracing::error!(%error, "a checkpoint failed");
            // Those who wait for it must see that the engine is not ready.
            core.checkpointed.notify_waiters();
            return;
        }
        core.evict();
        core.recount_digests().await;
    }
}

async fn apply_due(core: Arc<Core>) {
    loop {
        if core.held.lock().is_empty() {
            core.held_grown.notified().await;
        }
        tokio::time::sleep(Duration::from_millis(HELD_INTERVAL_MS)).await;
        let due = core.held.lock().due(core.env.clock.wall_ms());
        if due.is_empty() {
            continue;
        }
        if let Err(error) = core.apply(due).await {
            tracing::warn!(%error, "entries held back could not be applied; gossip brings them again");
        }
    }
}

async fn sweeps(core: Arc<Core>) {
    let count = core.cells.len().max(1) as u64;
    let pause = Duration::from_millis((core.config.sweep_interval_ms / count).max(1));
    loop {
        for number in 0..core.cells.len() {
            tokio::time::sleep(pause).await;
            let partition = Partition(u16::try_from(number).unwrap_or(u16::MAX));
            if let Err(error) = core.sweep(partition).await {
                tracing::debug!(%error, partition = partition.0, "a partition was not swept");
            }
        }
    }
}
