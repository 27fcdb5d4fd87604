//! Tests of the engine as a whole, on a simulated disk.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::env::{Clock, Environment, SharedRng, Spawn, TcpNetwork, TokioSpawn};
use crate::session::{Dot, Session, SessionView, Value, ValueKind};
use crate::store::{Crash, SimDisk};

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
        let env = Environment {
            clock: self.clock.clone(),
            rng: SharedRng::from_seed(1),
            network: Arc::new(TcpNetwork),
            spawn: Arc::new(TestSpawn),
        };
        let engine = Engine::open(Arc::new(self.disk.open()), self.config.clone(), env).unwrap();
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
    Command::Update(Update { changes, touch: false })
}

fn count(amount: i64) -> Command {
    let changes = Changes { add_counters: vec![("n".into(), amount)], ..Changes::default() };
    Command::Update(Update { changes, touch: false })
}

fn synced() -> ExecuteOptions {
    ExecuteOptions { durability: Durability::Synced, ..ExecuteOptions::default() }
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

#[tokio::test]
async fn synced_writes_survive_a_crash_and_dots_are_never_used_again() {
    let node = Node::new(1);
    let mut engine = node.open();
    let mut dots: Vec<Dot> = Vec::new();
    engine.execute(key(1), create(), &synced()).await.unwrap();
    for round in 0..5 {
        let kept = engine.execute(key(1), set("kept", &round.to_string()), &synced()).await.unwrap();
        let lost = run(&engine, 1, set("lost", "x")).await.unwrap();
        dots.extend(kept.dot.into_iter().chain(lost.dot));
        engine = node.crash(engine);
        assert_eq!(attribute(&engine, 1, "kept").await.unwrap(), round.to_string());
        assert_eq!(attribute(&engine, 1, "lost").await, None);
    }
    let unique: std::collections::BTreeSet<_> = dots.iter().collect();
    assert_eq!(unique.len(), dots.len(), "a dot was used twice: the incarnation was not advanced");
}

#[tokio::test]
async fn checkpoint_and_log_together_restore_everything() {
    let node = Node::new(1);
    let engine = node.open();
    for number in 0..40 {
        engine.execute(key(number), create(), &ExecuteOptions::default()).await.unwrap();
        if number == 20 {
            engine.core.checkpoint().await.unwrap();
        }
        engine.execute(key(number / 2), set("a", "b"), &synced()).await.unwrap();
    }
    let before = [engine.digest(Partition(0)), engine.digest(Partition(1))];
    let engine = node.crash(engine);
    assert_eq!([engine.digest(Partition(0)), engine.digest(Partition(1))], before);
    assert_eq!(recomputed(&engine, Partition(0)).await, before[0]);
    assert_eq!(all_entries(&engine).await.len(), 80);
}

#[tokio::test]
async fn a_failed_sync_is_not_acknowledged_and_ends_writing() {
    let node = Node::new(1);
    let engine = node.open();
    engine.execute(key(1), create(), &synced()).await.unwrap();
    node.disk.fail_next_sync();
    let refused = engine.execute(key(1), set("a", "b"), &synced()).await;
    assert!(matches!(refused, Err(EngineError::NotReady { .. })), "{refused:?}");
    assert!(matches!(engine.health(), Err(EngineError::NotReady { .. })));
    assert!(matches!(run(&engine, 1, set("c", "d")).await, Err(EngineError::NotReady { .. })));
}

#[tokio::test]
async fn ids_are_never_used_again() {
    let node = Node::new(1);
    let engine = node.open();
    assert!(matches!(run(&engine, 1, set("a", "b")).await, Err(EngineError::NotFound)));
    run(&engine, 1, create()).await.unwrap();
    assert!(matches!(run(&engine, 1, create()).await, Err(EngineError::AlreadyExists)));
    let first = run(&engine, 1, Command::Revoke { reason: "logout".into() }).await.unwrap();
    let again = run(&engine, 1, Command::Revoke { reason: "other".into() }).await.unwrap();
    assert_eq!((again.reply, again.dot), (first.reply, None));
    assert!(matches!(run(&engine, 1, create()).await, Err(EngineError::Revoked)));
    assert!(matches!(run(&engine, 1, set("a", "b")).await, Err(EngineError::Revoked)));
    run(&engine, 2, create()).await.unwrap();
    node.clock.0.fetch_add(1_800_000, Ordering::Relaxed);
    assert!(matches!(run(&engine, 2, Command::Touch).await, Err(EngineError::Expired)));
    assert!(matches!(run(&engine, 2, create()).await, Err(EngineError::Revoked)));
}

#[tokio::test]
async fn a_retry_with_the_same_key_has_one_effect() {
    let node = Node::new(1);
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    let options = ExecuteOptions { idempotency_key: Some(Bytes::from_static(b"once")), ..synced() };
    let first = engine.execute(key(1), count(5), &options).await.unwrap();
    let again = engine.execute(key(1), count(5), &options).await.unwrap();
    assert_eq!((again.dot, again.state), (first.dot, first.state.clone()));
    let session = Session::decode(&first.state, &engine.core.decode).unwrap();
    assert_eq!(session.body().unwrap().counters["n"].value(), 5);
}

#[tokio::test]
async fn what_is_beyond_a_limit_changes_nothing() {
    let mut node = Node::new(1);
    node.config.limits.attributes_max = 1;
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    run(&engine, 1, set("a", "b")).await.unwrap();
    let (digest, vector) = (engine.digest(Partition(0)), engine.vector(Partition(0)));
    let refused = run(&engine, 1, set("c", "d")).await;
    assert!(matches!(refused, Err(EngineError::LimitExceeded { limit: 1, actual: 2, .. })), "{refused:?}");
    assert_eq!((engine.digest(Partition(0)), engine.vector(Partition(0))), (digest, vector));
}

#[tokio::test]
async fn poison_is_refused_with_the_state_unchanged() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    let entry = all_entries(&from).await.remove(0);
    for cut in 0..entry.fragment.len() {
        let poison = LogEntry { fragment: entry.fragment.slice(..cut), ..entry.clone() };
        let applied = to.apply(vec![poison]).await.unwrap();
        assert_eq!((applied.refused.len(), applied.new.len()), (1, 0));
    }
    assert!(to.vector(Partition(0)).is_empty());
    assert_eq!(to.digest(Partition(0)), PartitionDigest::default());
    assert_eq!(to.apply(vec![entry.clone(), entry]).await.unwrap().present.len(), 2);
    assert_eq!(to.digest(Partition(0)), from.digest(Partition(0)));
}

#[tokio::test]
async fn entries_from_the_future_are_held_back() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    one.clock.0.fetch_add(501, Ordering::Relaxed);
    run(&from, 1, create()).await.unwrap();
    let applied = to.apply(all_entries(&from).await).await.unwrap();
    assert_eq!((applied.held, applied.present.len()), (1, 0));
    assert!(to.read(key(1)).await.unwrap().is_none());
    two.clock.0.fetch_add(1, Ordering::Relaxed);
    let due = to.core.held.lock().due(START_MS + 1);
    assert_eq!(to.core.apply(due).await.unwrap().new.len(), 1);
}

#[tokio::test]
async fn more_than_the_cache_holds_is_readable() {
    let mut node = Node::new(1);
    node.config.cache_bytes_max = 4_096;
    let engine = node.open();
    for number in 0..200 {
        run(&engine, number, create()).await.unwrap();
        run(&engine, number, set("a", &number.to_string())).await.unwrap();
    }
    engine.core.checkpoint().await.unwrap();
    engine.core.evict();
    assert!(engine.stats().cache_bytes <= 4_096, "{:?}", engine.stats());
    for number in 0..200 {
        assert_eq!(attribute(&engine, number, "a").await.unwrap(), number.to_string());
    }
    assert!(engine.stats().cache_bytes <= 4_096 + 1_024, "{:?}", engine.stats());
    assert_eq!(engine.scan(Partition(0), None, 1_000).await.unwrap().len(), 128);
    assert_eq!(recomputed(&engine, Partition(1)).await, engine.digest(Partition(1)));
    assert!(matches!(run(&engine, 7, create()).await, Err(EngineError::AlreadyExists)));
}

#[tokio::test]
async fn beyond_its_retention_the_log_is_truncated() {
    let mut node = Node::new(1);
    node.config.log_disk_bytes_max = 4 * 1_024;
    node.config.log_memory_bytes_max = 0;
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    for number in 0..400 {
        run(&engine, 1, set("a", &number.to_string())).await.unwrap();
    }
    engine.core.checkpoint().await.unwrap();
    let origin = engine.origin();
    assert!(engine.entries_after(Partition(0), origin, 0, 1_000).await.is_err());
    assert_eq!(engine.entries_after(Partition(0), origin, 400, 1_000).await.unwrap().len(), 1);
    assert!(engine.stats().log_disk_bytes <= 4 * 1_024);
    engine.shutdown().await;
    let engine = node.crash(engine);
    assert!(engine.entries_after(Partition(0), origin, 0, 1_000).await.is_err());
    assert_eq!(attribute(&engine, 1, "a").await.unwrap(), "399");
}

#[tokio::test]
async fn records_past_their_deadline_are_removed() {
    let node = Node::new(1);
    let engine = node.open();
    run(&engine, 1, create()).await.unwrap();
    engine.core.checkpoint().await.unwrap();
    node.clock.0.fetch_add(3_600_000 + 60_500, Ordering::Relaxed);
    engine.core.sweep(Partition(0)).await.unwrap();
    assert_eq!(engine.digest(Partition(0)).records, 1);
    node.clock.0.fetch_add(1, Ordering::Relaxed);
    engine.core.sweep(Partition(0)).await.unwrap();
    assert_eq!(engine.digest(Partition(0)), PartitionDigest::default());
    engine.shutdown().await;
    let engine = node.crash(engine);
    assert!(engine.read(key(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_fragment_alone_is_partial_until_the_full_state_comes() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    run(&from, 1, set("a", "b")).await.unwrap();
    let late = all_entries(&from).await.remove(1);
    let mut partials = to.partial_keys();
    to.apply(vec![late]).await.unwrap();
    assert_eq!(partials.next().await, [key(1)]);
    assert!(matches!(run(&to, 1, set("c", "d")).await, Err(EngineError::Partial)));
    let full = from.read(key(1)).await.unwrap().unwrap();
    to.merge_states(Partition(0), vec![(key(1), full.state)], Some(full.vector)).await.unwrap();
    assert!(to.partials(Partition(0), 9).is_empty());
    assert_eq!(to.digest(Partition(0)), from.digest(Partition(0)));
    assert_eq!(to.vector(Partition(0)), from.vector(Partition(0)));
    let record = to.read(key(1)).await.unwrap().unwrap();
    assert!(SessionView::open(&record.state, &to.core.decode).unwrap().is_complete());
}

#[tokio::test]
async fn a_causal_wait_ends_when_the_write_arrives() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    let mut feed = from.commits();
    let token = run(&from, 1, create()).await.unwrap().vector;
    let soon = Duration::from_millis(5);
    assert_eq!(to.wait_for(Partition(0), &token, soon).await, Err(NotYet));
    let entries = feed.next().await.iter().map(|entry| LogEntry::clone(entry)).collect();
    let (waited, applied) =
        tokio::join!(to.wait_for(Partition(0), &token, Duration::from_secs(30)), to.apply(entries));
    assert_eq!(waited, Ok(()));
    assert_eq!(applied.unwrap().new.len(), 1);
}

fn command() -> impl Strategy<Value = (u8, Command)> {
    let command = prop_oneof![
        Just(create()),
        "[ab]".prop_map(|name| set(&name, "value")),
        (-3i64..4).prop_map(count),
        Just(Command::Touch),
        Just(Command::Revoke { reason: "end".into() }),
    ];
    (prop::sample::select(vec![1u8, 2, 3, 200]), command)
}

fn block_on<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(task)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn engines_converge_whatever_the_order(
        commands in prop::collection::vec((any::<bool>(), command()), 1..40),
        order in any::<prop::sample::Index>(),
        checkpoint_at in 0usize..40,
    ) {
        block_on(async {
            let nodes = [Node::new(1), Node::new(2)];
            let engines = [nodes[0].open(), nodes[1].open()];
            for (at, (first, (number, command))) in commands.into_iter().enumerate() {
                let engine = &engines[usize::from(first)];
                let _ = run(engine, number, command).await;
                if at == checkpoint_at {
                    engine.core.checkpoint().await.unwrap();
                }
                for partition in [Partition(0), Partition(1)] {
                    assert_eq!(recomputed(engine, partition).await, engine.digest(partition));
                }
            }
            let sent = [all_entries(&engines[0]).await, all_entries(&engines[1]).await];
            for (engine, mut entries) in [(&engines[1], sent[0].clone()), (&engines[0], sent[1].clone())] {
                let turn = if entries.is_empty() { 0 } else { order.index(entries.len()) };
                entries.rotate_left(turn);
                entries.reverse();
                let twice = [entries.clone(), entries].concat();
                engine.apply(twice).await.unwrap();
            }
            for partition in [Partition(0), Partition(1)] {
                assert_eq!(engines[0].digest(partition), engines[1].digest(partition));
                assert_eq!(engines[0].vector(partition), engines[1].vector(partition));
                assert_eq!(recomputed(&engines[0], partition).await, engines[0].digest(partition));
            }
        });
    }
}
