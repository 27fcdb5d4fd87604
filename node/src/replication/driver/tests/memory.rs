//! A copy of the sessions in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{broadcast, mpsc};

use crate::engine::{ClockState, ClockVerdict, Covered, Gap, LogEntry};
use crate::replication::core::{ClockBounds, Held};
use crate::replication::{AppliedBatch, Commits, FullState, KeysToAsk, NewEntries, Replica, ReplicaError};
use crate::session::{Dot, Key, Origin, Partition, ReplicaId, VersionVector};

pub(super) const PARTITIONS: u32 = 4;

pub(super) fn key(partition: u8) -> Key {
    let mut key = [9; 16];
    key[0] = partition * 64;
    Key(key)
}

#[derive(Default)]
struct Inner {
    log: BTreeMap<(Partition, Origin), BTreeMap<u64, LogEntry>>,
    base: BTreeMap<Partition, VersionVector>,
    states: BTreeMap<Key, Bytes>,
}

pub(super) struct Memory {
    pub(super) me: Origin,
    inner: Mutex<Inner>,
    commits: broadcast::Sender<Arc<LogEntry>>,
    partials: mpsc::UnboundedSender<Key>,
    partial_keys: Mutex<Option<mpsc::UnboundedReceiver<Key>>>,
}

impl Memory {
    pub(super) fn new(replica: u16) -> Arc<Self> {
        let (partials, partial_keys) = mpsc::unbounded_channel();
        Arc::new(Self {
            me: Origin { replica: ReplicaId(replica), incarnation: 1 },
            inner: Mutex::default(),
            commits: broadcast::Sender::new(1_000),
            partials,
            partial_keys: Mutex::new(Some(partial_keys)),
        })
    }

    pub(super) fn write(&self, key: Key, fragment: &'static [u8], ack: bool) -> (Partition, u64) {
        let partition = key.partition(PARTITIONS);
        let mut inner = self.inner.lock();
        let seq = inner.vector(partition).get(&self.me) + 1;
        let entry = LogEntry { origin: self.me, seq, key, ack, fragment: Bytes::from_static(fragment) };
        inner.log.entry((partition, self.me)).or_default().insert(seq, entry.clone());
        let _ = self.commits.send(Arc::new(entry));
        (partition, seq)
    }

    pub(super) fn entries(&self) -> usize {
        self.inner.lock().log.values().map(BTreeMap::len).sum()
    }

    /// Drops the log of a partition, as if it were long ago.
    pub(super) fn truncate(&self, partition: Partition) {
        let mut inner = self.inner.lock();
        let vector = inner.vector(partition);
        inner.base.insert(partition, vector);
        inner.log.retain(|(of, _), _| *of != partition);
    }

    pub(super) fn put_state(&self, key: Key, state: &[u8]) {
        self.inner.lock().states.insert(key, Bytes::copy_from_slice(state));
    }

    pub(super) fn state(&self, key: Key) -> Option<Bytes> {
        self.inner.lock().states.get(&key).cloned()
    }

    pub(super) fn report_partial(&self, key: Key) {
        self.partials.send(key).unwrap();
    }

    pub(super) fn vector_of(&self, partition: Partition) -> VersionVector {
        self.inner.lock().vector(partition)
    }
}

impl Inner {
    fn vector(&self, partition: Partition) -> VersionVector {
        let mut vector = self.base.get(&partition).cloned().unwrap_or_default();
        for ((of, origin), entries) in &self.log {
            let mut seq = vector.get(origin);
            while *of == partition && entries.contains_key(&(seq + 1)) {
                seq += 1;
            }
            if *of == partition && seq > 0 {
                vector.dots.insert(*origin, seq);
            }
        }
        vector
    }
}

struct Feed(broadcast::Receiver<Arc<LogEntry>>);

#[async_trait]
impl Commits for Feed {
    async fn next(&mut self) -> NewEntries {
        match self.0.recv().await {
            Ok(entry) => NewEntries { entries: vec![entry], skipped: false },
            Err(broadcast::error::RecvError::Lagged(_)) => NewEntries { entries: Vec::new(), skipped: true },
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

struct Partials(mpsc::UnboundedReceiver<Key>);

#[async_trait]
impl KeysToAsk for Partials {
    async fn next(&mut self) -> Vec<Key> {
        match self.0.recv().await {
            Some(key) => vec![key],
            None => std::future::pending().await,
        }
    }
}

struct NoneIdle;

#[async_trait]
impl KeysToAsk for NoneIdle {
    async fn next(&mut self) -> Vec<Key> {
        std::future::pending().await
    }
}

impl Held for Memory {
    fn vector(&self, partition: Partition) -> VersionVector {
        self.vector_of(partition)
    }

    fn seen(&self, partition: Partition) -> VersionVector {
        let mut seen = self.vector_of(partition);
        for ((of, origin), entries) in &self.inner.lock().log {
            let last = entries.keys().next_back().filter(|_| *of == partition);
            if let Some(last) = last.filter(|last| **last > seen.get(origin)) {
                seen.dots.insert(*origin, *last);
            }
        }
        seen
    }

    fn gaps(&self) -> Vec<Gap> {
        Vec::new()
    }

    fn holds_any(&self, _: Gap) -> bool {
        true
    }

    fn digest(&self, _: Partition) -> u128 {
        0
    }
}

#[async_trait]
impl Replica for Memory {
    fn origin(&self) -> Origin {
        self.me
    }

    async fn persist(&self) -> Result<(), ReplicaError> {
        Ok(())
    }

    fn pass_over(&self, _: Gap) {}

    fn clock_bounds(&self) -> ClockBounds {
        ClockBounds { offset_max_ms: 500, wall_ms_min: 0 }
    }

    fn set_clock(&self, verdict: ClockVerdict) {
        assert_ne!(verdict.state, ClockState::Off);
    }

    fn commits(&self) -> Box<dyn Commits> {
        Box::new(Feed(self.commits.subscribe()))
    }

    fn partial_keys(&self) -> Box<dyn KeysToAsk> {
        Box::new(Partials(self.partial_keys.lock().take().unwrap()))
    }

    fn idle_keys(&self) -> Box<dyn KeysToAsk> {
        Box::new(NoneIdle)
    }

    async fn head(&self, _: Key) -> Result<Option<Bytes>, ReplicaError> {
        Ok(None)
    }

    async fn lapse(&self, _: Key, _: Vec<Bytes>) -> Result<bool, ReplicaError> {
        Ok(false)
    }

    fn partials(&self, _: Partition, _: usize) -> Vec<Key> {
        Vec::new()
    }

    fn seen_in_records(&self, partition: Partition) -> VersionVector {
        self.vector_of(partition)
    }

    async fn apply(&self, entries: Vec<LogEntry>) -> Result<AppliedBatch, ReplicaError> {
        let mut inner = self.inner.lock();
        let mut applied = AppliedBatch::default();
        for entry in entries {
            applied
                .present
                .push((entry.key.partition(PARTITIONS), Dot { origin: entry.origin, seq: entry.seq }));
            applied.new.push(Arc::new(entry.clone()));
            let place = (entry.key.partition(PARTITIONS), entry.origin);
            inner.log.entry(place).or_default().insert(entry.seq, entry);
        }
        Ok(applied)
    }

    async fn forgo(&self, _: Key, _: &VersionVector) -> Result<bool, ReplicaError> {
        Ok(false)
    }

    async fn synced(&self) -> Result<(), ReplicaError> {
        Ok(())
    }

    async fn entries_after(
        &self,
        partition: Partition,
        origin: Origin,
        seq: u64,
        _bytes_max: usize,
    ) -> Option<Vec<LogEntry>> {
        let inner = self.inner.lock();
        if inner.base.get(&partition).is_some_and(|base| base.get(&origin) > seq) {
            return None;
        }
        let entries = inner.log.get(&(partition, origin)).into_iter();
        Some(entries.flat_map(|entries| entries.range(seq + 1..)).map(|(_, entry)| entry.clone()).collect())
    }

    async fn merge_states(
        &self,
        partition: Partition,
        states: Vec<(Key, Bytes)>,
        covered: Covered,
    ) -> Result<(), ReplicaError> {
        let mut inner = self.inner.lock();
        inner.states.extend(states);
        if let Covered::Partition { whole, .. } = covered {
            inner.base.insert(partition, whole);
        }
        Ok(())
    }

    async fn scan(
        &self,
        partition: Partition,
        after: Option<Key>,
        items_max: usize,
    ) -> Result<Vec<(Key, Bytes)>, ReplicaError> {
        let inner = self.inner.lock();
        let states = inner.states.iter().filter(|(key, _)| key.partition(PARTITIONS) == partition);
        let rest = states.filter(|(key, _)| Some(**key) > after);
        Ok(rest.take(items_max).map(|(key, state)| (*key, state.clone())).collect())
    }

    async fn read(&self, key: Key) -> Result<FullState, ReplicaError> {
        let vector = self.vector_of(key.partition(PARTITIONS));
        Ok(FullState { state: self.state(key), seen: vector.clone(), vector, held_in_part: false })
    }
}
