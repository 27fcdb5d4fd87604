//! Full states: of single records for reads at a quorum and for partial records,
//! of whole partitions for a node that lags further than any log reaches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{FuturesUnordered, Stream, StreamExt};
use sojourn_proto::replication::v1 as pb;
use sojourn_proto::session::v1::Consistency;
use tonic::Status;

use super::driver::{Replication, Shared};
use super::quorum::{Quorums, Tally};
use super::seam::{FullState, Replica, ReplicaError};
use super::transfer_in::TransferIn;
use super::vectors;
use crate::engine::Covered;
use crate::membership::{Membership, MembershipWatch};
use crate::session::{Dot, Key, Partition, ReplicaId, VersionVector};

/// Keys in one request.
pub(super) const KEYS_MAX: usize = 256;

/// Records read from the engine at once while a partition is transferred.
const SCAN_ITEMS: usize = 64;

/// What is asked for of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The full state.
    State,
    /// All but the content, also of a partial record.
    Head,
}

/// One record as another replica holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Who answered.
    pub replica: ReplicaId,
    /// The encoded full state or head; none if it is not held there.
    pub state: Option<Bytes>,
    /// The partition's version vector there, from before the read: the state has all that it names.
    pub vector: VersionVector,
    /// The highest writes that may be in the state.
    pub seen: VersionVector,
    /// There is no state, but the replica holds something of the record, or may have missed it.
    pub held_in_part: bool,
}

impl Fetched {
    /// The state with what is in it, to be merged; none if it is not held there.
    #[must_use]
    pub fn into_state(self) -> Option<(Bytes, Covered)> {
        Some((self.state?, Covered::EachRecord { whole: self.vector, seen: self.seen }))
    }
}

/// Full states could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not a member, or removed.
    #[error("replica {0} is not a member")]
    Unknown(ReplicaId),
    /// It refused or could not be reached.
    #[error("{0}")]
    Refused(#[from] Box<Status>),
    /// It did not answer in time.
    #[error("no answer within {0} ms")]
    Slow(u64),
    /// Its answer makes no sense.
    #[error("the answer is malformed")]
    Malformed,
    /// The transfer ended before its last chunk.
    #[error("the transfer ended early")]
    Incomplete,
    /// This node could not keep what it received.
    #[error("{0}")]
    Merge(#[from] ReplicaError),
}

impl From<Status> for FetchError {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

/// Too few replicas have answered a read in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too few replicas answered in time; missing by region: {missing:?}, reached: {reached:?}")]
pub struct ReadShortfall {
    /// How many answered, this node included, by region.
    pub reached: BTreeMap<String, usize>,
    /// How many more would have been needed, by region; only regions that lack some.
    pub missing: BTreeMap<String, usize>,
}

impl Replication {
    /// Asks other replicas for a record until as many as the level wants have
    /// answered, this node counted as one. During a change of the layout a
    /// majority means one of the old replicas and one of the new: another node may
    /// know already that the change is over, and acknowledge by the new ones alone. The caller merges the answers with
    /// its own state and, if they differ, gives the result to the engine (read
    /// repair).
    ///
    /// # Errors
    /// Too few answered within `timeout`.
    pub async fn fetch(
        &self,
        key: Key,
        level: Consistency,
        timeout: Duration,
    ) -> Result<Vec<Fetched>, ReadShortfall> {
        let (shared, me) = (&self.shared, self.shared.me.replica);
        let partition = shared.partition(key);
        let fetch_from =
            |replica| async move { shared.fetch_from(replica, &[key], Wanted::State).await.ok() };
        gather(shared.membership.clone(), me, partition, level, timeout, fetch_from).await
    }

    /// Asks every other replica of a record's partition for it, in all regions; none
    /// from those that do not answer in time.
    pub async fn fetch_each(&self, key: Key) -> Vec<(ReplicaId, Option<Fetched>)> {
        let (shared, me) = (&self.shared, self.shared.me.replica);
        let replicas = nearest_first(&shared.membership.borrow(), me, shared.partition(key));
        let ask = |replica| async move {
            let answer = shared.fetch_from(replica, &[key], Wanted::State).await.ok();
            (replica, answer.and_then(|(_, mut fetched)| fetched.pop()))
        };
        let asked = replicas.into_iter().filter(|replica| *replica != me).map(ask);
        asked.collect::<FuturesUnordered<_>>().collect().await
    }
}

/// Asks the other replicas that a level wants to hear of until enough have
/// answered; `me` counts as one. `fetch_from` gives what a replica holds and the
/// newest layout that it knows, or none if it does not answer.
///
/// # Errors
/// Too few answered within `timeout`.
pub async fn gather<Answer: Future<Output = Option<(u64, Vec<Fetched>)>>>(
    mut membership: MembershipWatch,
    me: ReplicaId,
    partition: Partition,
    level: Consistency,
    timeout: Duration,
    fetch_from: impl Fn(ReplicaId) -> Answer,
) -> Result<Vec<Fetched>, ReadShortfall> {
    let ask = |replica| {
        let answer = fetch_from(replica);
        async move { (replica, answer.await) }
    };
    let mut answers = FuturesUnordered::new();
    let mut asked = BTreeSet::from([me]);
    let mut layouts: BTreeMap<ReplicaId, u64> = BTreeMap::from([(me, 0)]);
    let mut states = Vec::new();
    let mut last = Tally::default();
    let enough = async {
        loop {
            let current = membership.borrow_and_update().clone();
            let Some(quorums) = Quorums::new(level, me, &current, partition) else { return };
            let known = |replica| layouts.get(&replica).copied().unwrap_or_default();
            last = quorums.tally(|replica| layouts.contains_key(&replica), known);
            if last.missing.is_empty() {
                return;
            }
            answers.extend(quorums.candidates().filter(|replica| asked.insert(*replica)).map(ask));
            let is_behind = layouts.values().any(|known| *known > current.layout.newest_version());
            if answers.is_empty() && !is_behind {
                return;
            }
            tokio::select! {
                Some((replica, answer)) = answers.next() => {
                    if let Some((layout_version, mut fetched)) = answer {
                        states.append(&mut fetched);
                        layouts.insert(replica, layout_version);
                    }
                }
                Ok(()) = membership.changed() => {}
                else => return,
            }
        }
    };
    let in_time = tokio::time::timeout(timeout, enough).await;
    if last.missing.is_empty() && in_time.is_ok() {
        Ok(states)
    } else {
        Err(ReadShortfall { reached: last.reached, missing: last.missing })
    }
}

/// Keys by their partitions.
#[must_use]
pub fn by_partition(membership: &MembershipWatch, keys: Vec<Key>) -> BTreeMap<Partition, Vec<Key>> {
    let count = membership.borrow().layout.partition_count;
    let mut by_partition: BTreeMap<Partition, Vec<Key>> = BTreeMap::new();
    for key in keys {
        by_partition.entry(key.partition(count)).or_default().push(key);
    }
    by_partition
}

/// The replicas that serve a partition, those of this node's region first.
#[must_use]
pub fn nearest_first(membership: &Membership, me: ReplicaId, partition: Partition) -> Vec<ReplicaId> {
    let here = membership.nodes.get(&me).map(|node| &node.region);
    let Some(regions) = membership.layout.read_replicas(partition) else { return Vec::new() };
    let near = regions.iter().filter(|(region, _)| Some(*region) == here);
    let far = regions.iter().filter(|(region, _)| Some(*region) != here);
    near.chain(far).flat_map(|(_, replicas)| replicas).copied().collect()
}

/// Fetches full states of records: asks one replica after the other until none is
/// missing. One that was lost, and that nobody gives, is waited for no longer if a replica has had
/// and dropped it. Says which still are missing, and who has answered.
pub async fn complete<Answer: Future<Output = Option<(u64, Vec<Fetched>)>>>(
    engine: &dyn Replica,
    partition: Partition,
    mut missing: Vec<Key>,
    replicas: Vec<ReplicaId>,
    fetch_from: impl Fn(ReplicaId, Vec<Key>) -> Answer,
) -> (Vec<Key>, Vec<ReplicaId>) {
    let (mut answered, mut without) = (Vec::new(), Vec::new());
    for replica in replicas {
        let Some((_, fetched)) = fetch_from(replica, missing.clone()).await else { continue };
        answered.push(replica);
        let mut still = Vec::new();
        for (key, fetched) in missing.into_iter().zip(fetched) {
            if fetched.state.is_none() {
                still.push(key);
                without.extend((!fetched.held_in_part).then_some((key, fetched.vector)));
            } else if let Some((state, covered)) = fetched.into_state()
                && let Err(error) = engine.merge_states(partition, vec![(key, state)], covered).await
            {
                tracing::warn!(%error, partition = partition.0, "cannot merge a fetched state");
            }
        }
        missing = still;
        if missing.is_empty() {
            break;
        }
    }
    for (key, vector) in without {
        if missing.contains(&key) && is_forgone(engine, key, &vector).await {
            missing.retain(|still| *still != key);
        }
    }
    (missing, answered)
}

async fn is_forgone(engine: &dyn Replica, key: Key, vector: &VersionVector) -> bool {
    let forgone = engine.forgo(key, vector).await;
    forgone
        .inspect_err(|error| tracing::warn!(%error, "cannot look at a record that was lost"))
        .unwrap_or(false)
}

impl Shared {
    /// Asks one replica for records; one answer a key, in order.
    /// With them comes the newest layout that it knows.
    pub(super) async fn fetch_from(
        &self,
        from: ReplicaId,
        keys: &[Key],
        wanted: Wanted,
    ) -> Result<(u64, Vec<Fetched>), FetchError> {
        let node = self.member(from).ok_or(FetchError::Unknown(from))?;
        let request = pb::FetchRequest {
            caller: Some(self.caller()),
            keys: keys.iter().map(|key| Bytes::copy_from_slice(&key.0)).collect(),
            heads: wanted == Wanted::Head,
        };
        let timeout_ms = self.config.fetch_timeout_ms;
        let mut client = self.client(&node);
        let answer = tokio::time::timeout(Duration::from_millis(timeout_ms), client.fetch(request));
        let answer = answer.await.map_err(|_| FetchError::Slow(timeout_ms))??.into_inner();
        read_answer(from, keys, answer, |key| self.partition(key))
    }

    /// Takes over all records of a partition from a peer; the entries that came with them.
    pub(super) async fn transfer(
        &self,
        from: ReplicaId,
        partition: Partition,
    ) -> Result<Vec<(Partition, Dot)>, FetchError> {
        let node = self.member(from).ok_or(FetchError::Unknown(from))?;
        let request = pb::TransferRequest { caller: Some(self.caller()), partition: partition.0.into() };
        let mut client = self.client(&node);
        let stall_ms = self.config.transfer_stall_ms;
        let stall = Duration::from_millis(stall_ms);
        let slow = |_| FetchError::Slow(stall_ms);
        let opened = tokio::time::timeout(stall, client.transfer(request)).await.map_err(slow)??;
        let mut chunks = opened.into_inner();
        let incoming = TransferIn::new(&*self.replica, partition);
        loop {
            let chunk = tokio::time::timeout(stall, chunks.message()).await.map_err(slow)??;
            let chunk = chunk.ok_or(FetchError::Incomplete)?;
            if let Some(brought) = incoming.take(chunk).await? {
                tracing::info!(peer = %from, partition = partition.0, "took over a partition");
                return Ok(brought);
            }
        }
    }
}

/// Reads what another replica answered to a request for single records: the newest
/// layout that it knows, and one answer a key.
///
/// # Errors
/// The answer makes no sense.
pub fn read_answer(
    from: ReplicaId,
    keys: &[Key],
    answer: pb::FetchResponse,
    partition_of: impl Fn(Key) -> Partition,
) -> Result<(u64, Vec<Fetched>), FetchError> {
    let pb::FetchResponse { records, layout_version } = answer;
    if records.len() != keys.len() {
        return Err(FetchError::Malformed);
    }
    let fetched = |(key, record): (&Key, pb::FetchedRecord)| {
        let decode =
            |vector| vectors::decode_one(vector, partition_of(*key)).map_err(|_| FetchError::Malformed);
        let vector = decode(record.vector)?;
        let seen = if record.seen.is_empty() { vector.clone() } else { decode(record.seen)? };
        let state = (!record.state.is_empty()).then_some(record.state);
        Ok(Fetched { replica: from, state, vector, seen, held_in_part: record.held_in_part })
    };
    let fetched: Vec<Fetched> = keys.iter().zip(records).map(fetched).collect::<Result<_, FetchError>>()?;
    Ok((layout_version, fetched))
}

/// Answers a request for single records; states beyond `bytes_max` are left out as not held.
///
/// # Errors
/// The engine cannot read them, or their heads exceed `bytes_max`.
pub async fn answer(
    replica: &dyn Replica,
    membership: &MembershipWatch,
    keys: Vec<Key>,
    wanted: Wanted,
    bytes_max: usize,
) -> Result<pb::FetchResponse, ReplicaError> {
    let partition_count = membership.borrow().layout.partition_count;
    let mut records = Vec::with_capacity(keys.len());
    let mut left = bytes_max;
    for key in keys {
        let FullState { state, vector, seen, mut held_in_part } = match wanted {
            Wanted::State => replica.read(key).await?,
            Wanted::Head => FullState { state: replica.head(key).await?, ..FullState::default() },
        };
        let state = match state {
            Some(state) if state.len() <= left => state,
            // Who asks for heads must not take a record that is held for one that is not.
            Some(_) if wanted == Wanted::Head => return Err(ReplicaError("too many heads".into())),
            left_out => {
                held_in_part |= left_out.is_some();
                Bytes::new()
            }
        };
        left -= state.len();
        let encode = |vector| vectors::encode_one(key.partition(partition_count), vector).into();
        let seen = if seen == vector { Bytes::new() } else { encode(&seen) };
        records.push(pb::FetchedRecord { state, vector: encode(&vector), seen, held_in_part });
    }
    let layout_version = membership.borrow().layout.newest_version();
    Ok(pb::FetchResponse { records, layout_version })
}

/// All records of a partition on their way to a peer, in chunks of bounded size.
pub struct TransferOut {
    replica: Arc<dyn Replica>,
    partition: Partition,
    chunk_bytes_max: usize,
    vector: VersionVector,
    /// Read, and not yet on their way.
    read: VecDeque<(Key, Bytes)>,
    after: Option<Key>,
    /// Records that the vector names, too, but that a scan may have passed over: they were partial meanwhile.
    not_whole: BTreeSet<Key>,
    done: bool,
}

impl TransferOut {
    /// Begins a transfer.
    #[must_use]
    pub fn new(replica: Arc<dyn Replica>, partition: Partition, chunk_bytes_max: usize) -> Self {
        // Taken before the first record is read: everything it covers is in what follows.
        let vector = replica.vector(partition);
        let not_whole = replica.partials(partition, usize::MAX).into_iter().collect();
        let read = VecDeque::new();
        Self { replica, partition, chunk_bytes_max, vector, read, after: None, not_whole, done: false }
    }

    /// The next chunk: larger than `chunk_bytes_max` by one record at most, and by the
    /// names of records that are not whole here. None after the last one.
    ///
    /// # Errors
    /// The engine cannot read its records.
    pub async fn next(&mut self) -> Result<Option<pb::TransferChunk>, ReplicaError> {
        if self.done {
            return Ok(None);
        }
        let mut keys_and_states = Vec::new();
        let mut bytes = 0;
        while bytes < self.chunk_bytes_max {
            if self.read.is_empty() {
                self.read_on().await?;
            }
            let Some((key, state)) = self.read.pop_front() else {
                self.done = true;
                for key in std::mem::take(&mut self.not_whole) {
                    keys_and_states.extend([Bytes::copy_from_slice(&key.0), Bytes::new()]);
                }
                break;
            };
            bytes += key.0.len() + state.len();
            keys_and_states.extend([Bytes::copy_from_slice(&key.0), state]);
        }
        let encode = |vector| vectors::encode_one(self.partition, vector).into();
        let vector = if self.done { encode(&self.vector) } else { Bytes::new() };
        // After the last record was read: what had come by then may be in it.
        let seen = encode(&self.replica.seen_in_records(self.partition));
        Ok(Some(pb::TransferChunk { keys_and_states, vector, last: self.done, seen }))
    }

    async fn read_on(&mut self) -> Result<(), ReplicaError> {
        self.read = self.replica.scan(self.partition, self.after, SCAN_ITEMS).await?.into();
        self.after = self.read.back().map(|(key, _)| *key).or(self.after);
        self.not_whole.extend(self.replica.partials(self.partition, usize::MAX));
        Ok(())
    }
}

/// A transfer as a stream of gRPC messages; the caller's pace is the stream's.
pub(super) fn transfer_out(
    outgoing: TransferOut,
) -> impl Stream<Item = Result<pb::TransferChunk, Status>> + Send + 'static {
    futures::stream::try_unfold(outgoing, |mut outgoing| async move {
        let chunk = outgoing.next().await.map_err(|error| Status::unavailable(error.to_string()))?;
        Ok(chunk.map(|chunk| (chunk, outgoing)))
    })
}
