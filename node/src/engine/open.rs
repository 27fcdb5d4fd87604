//! Opening an engine on a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::clock::ClockGuard;
use super::error::EngineError;
use super::feed::Feed;
use super::finals::Finals;
use super::held::Held;
use super::idempotency::Window;
use super::key_queue::KeyQueue;
use super::log::Log;
use super::metadata::Metadata;
use super::partition::PartitionState;
use super::recovery::{Recovered, malformed};
use super::{Cell, Core, Engine, EngineConfig};
use crate::env::{Clock, Environment, Rng, SharedRng};
use crate::session::hlc::from_wall_ms;
use crate::session::{DecodeLimits, Hlc, Partition};
use crate::store::keys::{Incarnation, LatestStart, MetaValue, PartitionKey, StoreKey};
use crate::store::{Batch, Store, StoreError, Tree};

impl Engine {
    /// Loads the last checkpoint, replays the log after it, and advances and
    /// syncs the incarnation, so that no dot is ever used twice. Waits for the disk.
    ///
    /// # Errors
    /// [`super::StepError::InvalidArgument`] for a setting out of range,
    /// [`EngineError::Store`] if the disk fails or holds what cannot be read.
    pub fn open(
        store: Arc<dyn Store>,
        config: EngineConfig,
        env: Environment,
    ) -> Result<Arc<Self>, EngineError> {
        config.validate()?;
        let earlier_wall_ms = latest_start(&*store, env.clock.wall_ms())?;
        let incarnation = advance_incarnation(&*store, &env.rng)?;
        let cells = load_cells(&*store, &config, &*env.clock)?;
        let Recovered { blocks, next, hlc } = Recovered::read(&*store)?;
        let core = Core {
            log: Log::new(&config, blocks.clone(), next, hlc),
            feed: Arc::new(Feed::new(config.feed_bytes_max)),
            decode: DecodeLimits::default(),
            partials: Arc::default(),
            idle: Arc::default(),
            finals: Finals::new(config.final_bytes_max, removed_before_ms(&config, env.clock.wall_ms())),
            jumps: AtomicU64::new(0),
            held: Mutex::new(Held::default()),
            held_grown: Notify::new(),
            clock: Mutex::new(Hlc::starting_after(first_stamp(hlc, &config))),
            earlier_wall_ms: earlier_wall_ms.max(hlc >> 16),
            clock_guard: ClockGuard::new(config.clock_offset_max_ms),
            incarnation,
            replica: AtomicU16::new(0),
            cache_bytes: AtomicUsize::new(0),
            dirty_bytes: AtomicUsize::new(0),
            eviction_hand: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
            checkpoint_wanted: Notify::new(),
            checkpointed: Notify::new(),
            checkpoint_gate: tokio::sync::Mutex::new(()),
            stop: CancellationToken::new(),
            store,
            config,
            env,
            cells,
        };
        let last = blocks.keys().next_back();
        core.replay(
            blocks.keys().filter(|block| !planted!(ReplayDropsLastBlock) || Some(*block) != last).copied(),
        )?;
        core.announce_partials();
        Ok(Arc::new(Self { core: Arc::new(core) }))
    }
}

impl Core {
    fn announce_partials(&self) {
        let announce = |partials: &KeyQueue, cell: &Cell| {
            cell.state.lock().partial().iter().for_each(|key| partials.push(*key));
        };
        self.cells.iter().for_each(|cell| announce(&self.partials, cell));
    }
}

/// What a start before this one may have removed had expired by then.
fn removed_before_ms(config: &EngineConfig, now_ms: u64) -> u64 {
    now_ms.saturating_sub(config.removal_margin_ms.saturating_add(config.clock_offset_max_ms))
}

/// Above every stamp that was given before a crash, even if the wall clock went
/// back: also above those of writes that were never synced, but that peers may have.
fn first_stamp(logged: u64, config: &EngineConfig) -> u64 {
    match logged >> 16 {
        _ if planted!(ClockGoesBackAtStart) => 0,
        0 => logged,
        logged_ms => from_wall_ms(logged_ms.saturating_add(config.sync_interval_ms)),
    }
}

/// The latest wall clock of all starts before, after this one is noted: it is synced
/// with the incarnation.
fn latest_start(store: &dyn Store, now_ms: u64) -> Result<u64, StoreError> {
    let latest_ms = LatestStart::get(store)?.map_or(0, |latest| latest.0);
    let mut batch = Batch::default();
    LatestStart(now_ms.max(latest_ms)).put(&mut batch);
    store.apply(batch)?;
    Ok(latest_ms)
}

/// How far an incarnation may lie beyond the one before.
const INCARNATION_STEP_MAX: u32 = 1 << 14;

/// By a random step, so that a start from an old copy of the disk does not give
/// the name of a start that came after the copy, and with it its dots, out twice.
fn advance_incarnation(store: &dyn Store, rng: &SharedRng) -> Result<u32, EngineError> {
    let last = Incarnation::get(store)?.map_or(0, |last| last.0);
    if planted!(IncarnationStays) && last > 0 {
        return Ok(last);
    }
    let step = rng.with(|rng| rng.random_range(1..=INCARNATION_STEP_MAX));
    let next = last.checked_add(step).ok_or_else(|| StoreError::Unusable {
        detail: "this data directory has been opened too often".into(),
    })?;
    let mut batch = Batch::default();
    Incarnation(next).put(&mut batch);
    store.apply(batch)?;
    // Without this, a crash could give the same incarnation, and so the same dots, out twice.
    store.sync()?;
    Ok(next)
}

fn load_cells(store: &dyn Store, config: &EngineConfig, clock: &dyn Clock) -> Result<Vec<Cell>, EngineError> {
    let range = PartitionKey::range();
    let count = config.partitions().count();
    let mut metadata: Vec<Metadata> = (0..count).map(|_| Metadata::default()).collect();
    for (place, bytes) in store.scan(Tree::Partitions, &range.from, &range.to, usize::MAX)? {
        let Partition(number) = PartitionKey::decode(&place)?.0;
        let slot = metadata.get_mut(usize::from(number)).ok_or_else(|| StoreError::Unusable {
            detail: format!("it holds partition {number}, but partition_count is {}", config.partition_count),
        })?;
        *slot = Metadata::decode(bytes).map_err(|error| malformed("partition", u64::from(number), error))?;
        slot.vectors.tell_refused_again(clock.wall_ms());
        slot.glimpses.wait_anew(clock.monotonic());
    }
    let cell = |metadata| {
        let window = Window::new(config.idempotency_items_max, config.idempotency_window_ms);
        Cell { state: Mutex::new(PartitionState::new(metadata, window)), advanced: Notify::new() }
    };
    Ok(metadata.into_iter().map(cell).collect())
}
