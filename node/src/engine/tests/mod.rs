//! Tests of the engine as a whole, on a simulated disk.

mod ahead;
mod clock;
mod convergence;
mod disk;
mod follow;
mod idle;
mod local;
mod remote;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::env::{Clock, Environment, SharedRng, Spawn, TcpNetwork, TokioSpawn};
use crate::session::{Dot, Session, SessionView, Value, ValueKind, VersionVector};
use crate::store::{Crash, SealedStore, SimDisk};

const START_MS: u64 = 1_800_000_000_000;

struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn wall_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.wall_ms())
    }
}

/// Disk work runs at once, so that a crash leaves nothing under way.
struct TestSpawn;

impl Spawn for TestSpawn {
    fn spawn(&self, name: &'static str, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        TokioSpawn.spawn(name, task);
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

struct Node {
    disk: SimDisk,
    clock: Arc<TestClock>,
    replica: u16,
    config: EngineConfig,
}

impl Node {
    fn new(replica: u16) -> Self {
        let config = EngineConfig { partition_count: 2, block_bytes_max: 1_024, ..EngineConfig::default() };
        Self { disk: SimDisk::new(), clock: Arc::new(TestClock(AtomicU64::new(START_MS))), replica, config }
    }

    fn open(&self) -> Arc<Engine> {
        self.open_on(Arc::new(self.disk.open()))
    }

    fn open_sealed(&self) -> Arc<Engine> {
        let rng = SharedRng::from_seed(1);
        self.open_on(Arc::new(SealedStore::open(Arc::new(self.disk.open()), &[7; 32], &rng).unwrap()))
    }

    fn open_on(&self, store: Arc<dyn Store>) -> Arc<Engine> {
        let env = Environment {
            clock: self.clock.clone(),
            rng: SharedRng::from_seed(1),
            network: Arc::new(TcpNetwork),
            spawn: Arc::new(TestSpawn),
        };
        let engine = Engine::open(store, self.config.clone(), env).unwrap();
        engine.set_replica(ReplicaId(self.replica));
        engine.start();
        engine
    }

    fn crash(&self, engine: Arc<Engine>) -> Arc<Engine> {
        drop(engine);
        self.disk.crash(Crash::Clean);
        self.open()
    }
}

fn pass(node: &Node, ms: u64) {
    node.clock.0.fetch_add(ms, Ordering::Relaxed);
}

/// Lets the engine remove what is over.
fn agree(engine: &Engine) {
    engine.set_clock(ClockVerdict { state: ClockState::Alone, ..ClockVerdict::default() });
}

fn key(number: u8) -> Key {
    Key([number; 16])
}

fn create() -> Command {
    Command::Create(Create {
        namespace: "web".into(),
        idle_timeout_ms: 1_800_000,
        absolute_timeout_ms: 3_600_000,
        changes: Changes::default(),
    })
}

fn set(name: &str, value: &str) -> Command {
    let value = Value { kind: ValueKind::Text, bytes: Bytes::copy_from_slice(value.as_bytes()) };
    let changes = Changes { set_attributes: vec![(name.into(), value)], ..Changes::default() };
    Command::Update(Update { changes, ..Update::default() })
}

fn revoke() -> Command {
    Command::Revoke { reason: "logout".into() }
}

fn count(amount: i64) -> Command {
    let changes = Changes { add_counters: vec![("n".into(), amount)], ..Changes::default() };
    Command::Update(Update { changes, ..Update::default() })
}

fn synced() -> ExecuteOptions {
    ExecuteOptions { durability: Durability::Synced, ..ExecuteOptions::default() }
}

/// Of single records, with what is in each and nothing else.
fn exactly(vector: VersionVector) -> Covered {
    Covered::EachRecord { whole: vector.clone(), seen: vector }
}

/// Of all records of a partition, with nothing in them beyond it.
fn all_of(vector: VersionVector) -> Covered {
    Covered::Partition { whole: vector.clone(), seen: vector }
}

/// With nothing ahead of what is held, and nothing for certain.
fn unknown() -> Covered {
    Covered::Unknown { seen: VersionVector::new() }
}

async fn run(engine: &Engine, number: u8, command: Command) -> Result<Committed, EngineError> {
    engine.execute(key(number), command, &ExecuteOptions::default()).await
}

async fn attribute(engine: &Engine, number: u8, name: &str) -> Option<Bytes> {
    let record = engine.read(key(number)).await.unwrap()?;
    let session = Session::decode(&record.state, &engine.core.decode).unwrap();
    session.body()?.attributes.get(name)?.value().map(|value| value.bytes.clone())
}

async fn recomputed(engine: &Engine, partition: Partition) -> PartitionDigest {
    let records = engine.scan(partition, None, 1_000).await.unwrap();
    PartitionDigest::of(records.iter().map(|(key, state)| (key, state.as_ref())))
}

async fn all_entries(engine: &Engine) -> Vec<LogEntry> {
    let mut entries = Vec::new();
    for partition in [Partition(0), Partition(1)] {
        for origin in engine.vector(partition).dots.keys() {
            let mut seq = 0;
            loop {
                let page = engine.entries_after(partition, *origin, seq, 2_000).await.unwrap();
                let Some(last) = page.last() else { break };
                assert!(page.iter().map(|entry| entry.seq).eq(seq + 1..=last.seq), "a hole");
                seq = last.seq;
                entries.extend(page);
            }
        }
    }
    entries
}
