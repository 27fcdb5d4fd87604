//! Gives disk space back: copies live data into a fresh database, then swaps.
//!
//! sled never shrinks its file. The copy advances step by step in key order,
//! each step as one more writer in turn. A write below the point reached goes to
//! both databases; one above it will be copied. So when the pass has come to the
//! end, both hold the same, and the swap is one rename. A crash at any point
//! leaves `CURRENT` naming a complete database.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::env::Environment;

use super::super::{Store, StoreError};
use super::database::Database;
use super::layout::{KEYS_END, Plan, entry_bytes};
use super::usage::Point;
use super::{SledStore, StoreConfig, Writer};

/// How far the upkeep of the disk has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is nothing to do.
    Idle,
    /// A step was done, more are to come.
    Working,
    /// A compaction is done.
    Compacted,
}

/// Whether the disk holds so much more than the live data that copying pays.
///
/// `compacted_disk_bytes` is what the disk held after the last compaction: data
/// that packs badly must not be copied over and over, so the disk must have
/// grown by half since.
#[must_use]
pub fn should_compact(
    disk_bytes: u64,
    live_bytes: u64,
    compacted_disk_bytes: u64,
    config: &StoreConfig,
) -> bool {
    disk_bytes >= config.compaction_bytes_min
        && disk_bytes as f64 > live_bytes as f64 * config.compaction_ratio_max
        && disk_bytes as f64 > compacted_disk_bytes as f64 * 1.5
}

/// A copy under way.
pub(super) struct Copying {
    target: Arc<Database>,
    reached: Point,
}

impl Copying {
    /// Repeats on the copy what a batch does to entries already copied.
    pub(super) fn mirror(&self, plan: &Plan) -> Result<(), StoreError> {
        self.target.apply(plan.writes().filter(|(key, _)| self.reached.passed(key)))
    }

    fn step(&mut self, source: &Database, from: Vec<u8>, bytes_max: u64) -> Result<(), StoreError> {
        let step = Step::read(source, from, bytes_max)?;
        self.target.apply(step.entries.iter().map(|(key, value)| (&key[..], Some(&value[..]))))?;
        self.reached = step.reached;
        Ok(())
    }
}

impl SledStore {
    /// Does the next step of the disk's upkeep: counting live data once after
    /// a start, then compacting whenever that is due. Waits for the disk.
    pub fn upkeep(&self) -> Result<Progress, StoreError> {
        let _upkeep = self.upkeep.lock();
        {
            let mut writer = self.writer.lock();
            self.check_not_failed()?;
            if writer.copying.is_none() {
                let Some(live_bytes) = writer.live.total() else { return self.count_step(&mut writer) };
                // A copy that was given up must not keep the space it took.
                self.directory.remove_leftovers()?;
                let compacted = writer.compacted_disk_bytes;
                if !should_compact(self.disk_bytes()?, live_bytes, compacted, &self.config) {
                    return Ok(Progress::Idle);
                }
                self.begin_copy(&mut writer)?;
            }
        }
        self.copy_on()
    }

    /// Compacts now, whatever the limits say. Others go on meanwhile.
    pub fn compact(&self) -> Result<(), StoreError> {
        let _upkeep = self.upkeep.lock();
        {
            let mut writer = self.writer.lock();
            self.check_not_failed()?;
            if writer.copying.is_none() {
                self.begin_copy(&mut writer)?;
            }
        }
        loop {
            match self.copy_on()? {
                Progress::Working => {}
                Progress::Compacted => return Ok(()),
                Progress::Idle => {
                    let detail = "a write to the copy failed".to_owned();
                    return Err(StoreError::Io { doing: "compacting", detail });
                }
            }
        }
    }

    /// Keeps up the disk in the background until the store is dropped.
    pub fn start_upkeep(self: &Arc<Self>, environment: &Environment) {
        let store = Arc::downgrade(self);
        let interval = Duration::from_millis(self.config.compaction_check_interval_ms);
        let spawn = environment.spawn.clone();
        let task = async move {
            loop {
                let (done, outcome) = tokio::sync::oneshot::channel();
                let store = Weak::clone(&store);
                spawn.blocking(Box::new(move || {
                    let _ = done.send(store.upgrade().map(|store| store.upkeep()));
                }));
                match outcome.await {
                    Ok(Some(Ok(Progress::Working))) => tokio::task::yield_now().await,
                    Ok(Some(Ok(Progress::Compacted))) => tracing::info!("disk compacted"),
                    Ok(Some(Ok(Progress::Idle))) => tokio::time::sleep(interval).await,
                    Ok(Some(Err(error))) => {
                        tracing::error!(%error, "disk upkeep failed");
                        tokio::time::sleep(interval).await;
                    }
                    Ok(None) | Err(_) => return,
                }
            }
        };
        environment.spawn.spawn("disk upkeep", Box::pin(task));
    }

    fn count_step(&self, writer: &mut Writer) -> Result<Progress, StoreError> {
        let Some(from) = writer.live.next() else { return Ok(Progress::Idle) };
        let step = Step::read(&self.current.read(), from, self.config.compaction_step_bytes)?;
        writer.live.counted(step.bytes, step.reached);
        Ok(Progress::Working)
    }

    pub(super) fn begin_copy(&self, writer: &mut Writer) -> Result<(), StoreError> {
        tracing::info!("a compaction begins");
        let target = Arc::new(Database::open(&self.directory.prepare_next()?, self.config.cache_bytes)?);
        writer.copying = Some(Copying { target, reached: Point::Start });
        Ok(())
    }

    /// The next step of a copy, or the swap at its end. A failure gives the copy up.
    fn copy_on(&self) -> Result<Progress, StoreError> {
        let target = {
            let mut writer = self.writer.lock();
            let Some(mut copying) = writer.copying.take() else { return Ok(Progress::Idle) };
            if let Some(from) = copying.reached.next() {
                copying.step(&self.current.read(), from, self.config.compaction_step_bytes)?;
                writer.copying = Some(copying);
                return Ok(Progress::Working);
            }
            let target = Arc::clone(&copying.target);
            writer.copying = Some(copying);
            target
        };
        // Most is synced while writers go on, so that little is left for the swap.
        let synced = target.sync();
        drop(target);
        let old = {
            let mut writer = self.writer.lock();
            let target = writer.copying.take().and_then(|copying| Arc::into_inner(copying.target));
            synced?;
            let Some(target) = target else { return Ok(Progress::Idle) };
            self.swap(target)?
        };
        // Closing and removing the old database holds up nobody.
        drop(old);
        self.directory.remove_leftovers()?;
        self.compactions.fetch_add(1, Ordering::Relaxed);
        self.writer.lock().compacted_disk_bytes = self.disk_bytes()?;
        Ok(Progress::Compacted)
    }

    /// Puts a complete copy in the place of the database, and returns that.
    fn swap(&self, target: Database) -> Result<Database, StoreError> {
        target.sync()?;
        let mut current = self.current.write();
        // If this fails, which one a restart will find is unknown: a failure of the whole store.
        self.fail(self.directory.promote_next())?;
        Ok(std::mem::replace(&mut *current, target))
    }
}

/// The entries of one step.
struct Step {
    entries: Vec<(sled::IVec, sled::IVec)>,
    bytes: u64,
    reached: Point,
}

impl Step {
    fn read(database: &Database, from: Vec<u8>, bytes_max: u64) -> Result<Self, StoreError> {
        let mut step = Self { entries: Vec::new(), bytes: 0, reached: Point::End };
        for entry in database.range(from, KEYS_END.to_vec()) {
            let (key, value) = entry?;
            step.bytes += entry_bytes(&key, value.len());
            let last = key.to_vec();
            step.entries.push((key, value));
            if step.bytes >= bytes_max {
                step.reached = Point::Through(last);
                break;
            }
        }
        Ok(step)
    }
}
