//! The real engine on simulated disks, over loopback.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use sojourn_proto::replication::v1::frame::Kind;
use sojourn_proto::session::v1::Consistency;

use super::cluster::{Cluster, eventually};
use super::memory::{PARTITIONS, key};
use crate::engine::{
    Changes, Command, Committed, Create, Engine, EngineConfig, ExecuteOptions, LogEntry, Update,
};
use crate::env::{Environment, Rng, SeedableRng, StdRng};
use crate::replication::batch::{BatchContext, Encoder};
use crate::replication::driver::outgoing::FRAMING_BYTES;
use crate::replication::driver::wire;
use crate::session::codec::split;
use crate::session::{Key, Partition, ReplicaId, Value, ValueKind};
use crate::store::SimDisk;

const TIMEOUT: Duration = Duration::from_secs(10);

async fn cluster(regions: &[&str]) -> Cluster<Engine> {
    let cluster = Cluster::start_with(regions, |id| {
        let config = EngineConfig { partition_count: PARTITIONS, ..EngineConfig::default() };
        let engine = Engine::open(Arc::new(SimDisk::new().open()), config, Environment::real()).unwrap();
        engine.set_replica(ReplicaId(id));
        engine.start();
        engine
    });
    let cluster = cluster.await;
    cluster.linked().await;
    let is_trusted = || cluster.nodes.iter().all(|node| node.memory.trusted_wall_ms().is_ok());
    eventually("all have compared their clocks", is_trusted).await;
    cluster
}

fn set(name: &str, bytes: Bytes) -> Changes {
    let value = Value { kind: ValueKind::Data, bytes };
    Changes { set_attributes: vec![(name.into(), value)], ..Changes::default() }
}

fn create() -> Command {
    Command::Create(Create {
        namespace: "web".into(),
        idle_timeout_ms: 1_800_000,
        absolute_timeout_ms: 86_400_000,
        changes: set("cart", Bytes::from_static(b"empty")),
    })
}

fn update(name: &str, bytes: Bytes) -> Command {
    Command::Update(Update { changes: set(name, bytes), ..Update::default() })
}

async fn write(engine: &Engine, command: Command) -> Committed {
    let options = ExecuteOptions { ack: true, ..ExecuteOptions::default() };
    engine.execute(key(1), command, &options).await.unwrap()
}

#[tokio::test]
async fn concurrent_writes_of_all_regions_meet() {
    let cluster = cluster(&["eu", "eu", "us", "us", "ap"]).await;
    let partition = Partition(1);
    let created = write(&cluster.nodes[0].memory, create()).await;
    let wait = |node: usize, dot| {
        cluster.nodes[node].replication.wait_acks(partition, dot, Consistency::All, TIMEOUT)
    };
    wait(0, created.dot.unwrap()).await.unwrap();
    let fields = ["a", "b", "c", "d", "e"];
    let mut dots = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        dots.push(
            write(&cluster.nodes[index].memory, update(field, Bytes::from_static(b"value")))
                .await
                .dot
                .unwrap(),
        );
    }
    for (index, dot) in dots.into_iter().enumerate() {
        wait(index, dot).await.unwrap();
    }
    let digests = || cluster.nodes.iter().map(|node| node.memory.digest(partition)).collect::<Vec<_>>();
    eventually("all hold the same", || digests().windows(2).all(|pair| pair[0] == pair[1])).await;
    assert_eq!(digests()[0].records, 1);
}

/// Different sessions and values, so that compression finds only what real traffic repeats.
#[tokio::test]
async fn one_changed_field_stays_small() {
    let cluster = cluster(&["eu"]).await;
    let engine = &cluster.nodes[0].memory;
    let mut rng = StdRng::seed_from_u64(1);
    let keys: Vec<Key> = (0..102).map(|_| Key(rng.random())).collect();
    for key in &keys {
        engine.execute(*key, create(), &ExecuteOptions::default()).await.unwrap();
    }
    let mut feed = engine.commits();
    for key in &keys {
        let value = rng.random::<[u8; 20]>();
        let command = update("theme", Bytes::copy_from_slice(&value));
        engine.execute(*key, command, &ExecuteOptions::default()).await.unwrap();
    }
    let mut entries: Vec<Arc<LogEntry>> = Vec::new();
    while entries.len() < keys.len() {
        entries.extend(feed.next().await);
    }
    let fragment_bytes = entries[1].fragment.len();
    let entries: Vec<_> = (0..).zip(&entries).map(|(position, entry)| aged(entry, position)).collect();
    let mut encoder = Encoder::new(BatchContext { sender: engine.origin(), partition_count: PARTITIONS });
    let mut wire_bytes = |entries: &[Arc<LogEntry>]| {
        let batch = wire::frame(Kind::Batch(encoder.encode(entries, true, 512).into()));
        batch.encoded_len() + FRAMING_BYTES as usize
    };
    let first = wire_bytes(&entries[..1]);
    let alone = wire_bytes(&entries[1..2]);
    let together = wire_bytes(&entries[2..]).div_ceil(100);
    println!("fragment {fragment_bytes}; sent: first {first}, alone {alone}, of 100 together {together}");
    assert!(alone <= 64 && together <= 45, "alone {alone}, of 100 together {together}");
}

/// The same write to a session up to a day older. The first ones are seconds
/// apart, the others milliseconds: what piles up for one batch does so in a moment.
fn aged(entry: &LogEntry, position: u64) -> Arc<LogEntry> {
    let (shape, mut own) = split(&entry.fragment, entry.seq).unwrap();
    own.created -= (position * 7_919_993 % 86_400_000) << 16;
    own.stamp += (position.min(2) * 1_009 + position * 2) << 16;
    Arc::new(LogEntry { fragment: shape.fill(&own), ..entry.clone() })
}
