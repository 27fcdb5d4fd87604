//! One handler for every way in: unary calls, pipelines, and calls forwarded by other nodes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use prost::Message;
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::batch_get_result::Outcome;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use tokio::sync::Semaphore;

use super::causal::CausalToken;
use super::deadline::Deadline;
use super::directory::Records;
use super::ids;
use super::router::{Place, Router};
use super::status::{Failure, Reason};
use crate::config::ApiConfig;
use crate::engine::Engine;
use crate::env::Environment;
use crate::replication::Replication;
use crate::session::{DecodeLimits, Key, Partition, SecretHash, SessionLimits};
use crate::telemetry::{Counters, Readiness};

/// Reads of one batch that wait at the same time.
const BATCH_READS_MAX: usize = 32;

/// How a call came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    /// From a client: may be forwarded.
    First,
    /// From another node: never forwarded again.
    Forwarded,
}

/// What the handler works with.
pub(super) struct Handler {
    pub(super) engine: Arc<Engine>,
    pub(super) replication: Arc<Replication>,
    pub(super) router: Router,
    pub(super) env: Environment,
    pub(super) config: ApiConfig,
    pub(super) limits: SessionLimits,
    pub(super) decode_limits: DecodeLimits,
    pub(super) message_bytes_max: usize,
    pub(super) counters: Arc<Counters>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) permits: Semaphore,
    pub(super) partition_count: u32,
    pub(super) key_secret: [u8; 32],
    pub(super) records: Records,
}

/// A session that a call is about, and where it is.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) key: Key,
    pub(super) partition: Partition,
    /// Which of its ids the call shows.
    pub(super) shown: SecretHash,
}

impl Handler {
    /// Most bytes of answers in one message of a pipeline, and most calls under way on it.
    pub(super) fn pipeline_limits(&self) -> (usize, usize) {
        (self.config.pipeline_message_bytes, self.config.pipeline_calls_max)
    }

    /// This node's id, as answers name it.
    pub(super) fn replica_id(&self) -> u32 {
        self.router.own().0.into()
    }

    /// Answers a call if that needs no wait; `None` leaves it to [`Self::call`].
    pub(super) fn call_now(&self, call: &Call) -> Option<Reply> {
        let Call::Get(request) = call else { return None };
        if self.refuse_if_unready().is_ok() { self.get_now(request) } else { None }
    }

    /// Answers a call.
    pub(super) async fn call(&self, call: Call, timeout: Option<Duration>, hop: Hop) -> Reply {
        self.try_call(call, timeout, hop).await.unwrap_or_else(|failure| Reply::Error(failure.into_error()))
    }

    async fn try_call(&self, call: Call, timeout: Option<Duration>, hop: Hop) -> Result<Reply, Failure> {
        self.admitted(timeout, |deadline| self.dispatch(call, deadline, hop)).await
    }

    /// Carries a call out if this node takes calls, within its deadline.
    pub(super) async fn admitted<T, Outcome: Future<Output = Result<T, Failure>>>(
        &self,
        timeout: Option<Duration>,
        call: impl FnOnce(Deadline) -> Outcome,
    ) -> Result<T, Failure> {
        self.refuse_if_unready()?;
        let Ok(_permit) = self.permits.try_acquire() else {
            let message = "too many calls are under way in this node (api.calls_max)";
            return Err(Failure::new(Reason::Overloaded, message));
        };
        let deadline = Deadline::after(timeout, &self.config, &*self.env.clock);
        tokio::time::timeout(deadline.left(&*self.env.clock), call(deadline)).await.unwrap_or_else(|_| {
            let message = "the deadline passed; a write may have been applied";
            Err(Failure::new(Reason::TimedOut, message))
        })
    }

    pub(super) fn refuse_if_unready(&self) -> Result<(), Failure> {
        self.engine.trusted_wall_ms()?;
        if self.readiness.is_ready() {
            return Ok(());
        }
        Err(Failure::new(Reason::NotReady, "this node is starting or stopping"))
    }

    async fn dispatch(&self, call: Call, deadline: Deadline, hop: Hop) -> Result<Reply, Failure> {
        match call {
            Call::BatchGet(request) => self.batch_get(request, deadline, hop).await.map(Reply::BatchGet),
            Call::Create(request) => self.place_and_create(request, deadline, hop).await,
            call => self.dispatch_one(call, deadline, hop).await,
        }
    }

    /// A call about one session that is there already.
    pub(super) async fn dispatch_one(
        &self,
        call: Call,
        deadline: Deadline,
        hop: Hop,
    ) -> Result<Reply, Failure> {
        let (namespace, id) = subject(&call);
        let target = self.target(namespace, id)?;
        match self.router.place(target.partition) {
            Place::Here => self.serve(call, target, deadline).await,
            Place::There(replicas) => self.forward(call, replicas, deadline, hop).await,
        }
    }

    async fn serve(&self, call: Call, target: Target, deadline: Deadline) -> Result<Reply, Failure> {
        match call {
            Call::Get(request) => self.get(request, target, deadline).await.map(Reply::Get),
            Call::Update(request) => self.update(request, target, deadline).await.map(Reply::Update),
            Call::Touch(request) => self.touch(request, target, deadline).await.map(Reply::Touch),
            Call::Rotate(request) => self.rotate(request, target, deadline).await.map(Reply::Rotate),
            Call::Revoke(request) => self.revoke(request, target, deadline).await.map(Reply::Revoke),
            Call::Receipt(request) => self.receipt(request, target, deadline).await.map(Reply::Receipt),
            Call::Create(_) | Call::BatchGet(_) => {
                Err(Failure::new(Reason::Internal, "a call took the wrong way inside the node"))
            }
        }
    }

    async fn place_and_create(
        &self,
        request: pb::CreateRequest,
        deadline: Deadline,
        hop: Hop,
    ) -> Result<Reply, Failure> {
        ids::check_namespace(&request.namespace)?;
        let adopted = &request.adopted_session_id;
        let id = if adopted.is_empty() {
            self.mint_here(&request.namespace)
        } else {
            let policy = self.records.policy(&request.namespace).await?;
            let allowed = policy.adopted_ids_allowed.map_or(self.config.adopted_ids_allowed, |set| set == 1);
            ids::check_adopted_id(adopted, allowed)?;
            let target = self.target(&request.namespace, adopted)?;
            match self.router.place(target.partition) {
                Place::Here => Some((adopted.clone(), target)),
                Place::There(replicas) => {
                    return self.forward(Call::Create(request), replicas, deadline, hop).await;
                }
            }
        };
        match id {
            Some((id, target)) => self.create(request, id, target, deadline).await.map(Reply::Create),
            None => self.forward(Call::Create(request), self.router.others(), deadline, hop).await,
        }
    }

    /// Draws ids until one falls into a partition that this node holds: then the
    /// write needs no hop. `None` if this node holds no partition.
    fn mint_here(&self, namespace: &str) -> Option<(String, Target)> {
        if !self.router.holds_any() {
            return None;
        }
        // The id's randomness stays: a partition is chosen by a public hash of it,
        // and a choice among few partitions costs at most a few of its 256 bits.
        let ids = std::iter::repeat_with(|| ids::mint(&self.env.rng));
        let targets = ids.map(|id| {
            let target = self.locate(namespace, &id);
            (id, target)
        });
        targets.take(100_000).find(|(_, target)| self.router.is_here(target.partition))
    }

    /// Checks namespace and id.
    pub(super) fn target(&self, namespace: &str, id: &str) -> Result<Target, Failure> {
        ids::check_namespace(namespace)?;
        let id = ids::parse(id)?;
        let mut target = self.locate(namespace, id.first);
        if let Some(secret) = id.secret {
            target.shown = SecretHash::of(&self.key_secret, namespace, id.first, &secret);
        }
        Ok(target)
    }

    fn locate(&self, namespace: &str, first_id: &str) -> Target {
        let key = Key::derive(&self.key_secret, namespace, first_id);
        Target { key, partition: key.partition(self.partition_count), shown: SecretHash::FIRST }
    }

    /// Waits until this replica holds what a token names.
    pub(super) async fn wait_for_token(
        &self,
        token: &[u8],
        target: Target,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        if token.is_empty() {
            return Ok(());
        }
        let token = CausalToken::decode(token)?;
        let key = if token.partition == target.partition {
            target.key
        } else if token.partition == Partition::global(self.partition_count) {
            // Of a logout everywhere: any key of its partition will do, as it names a write to no session.
            self.records.policy_key("")
        } else {
            // A token of another partition says nothing about this session.
            return Ok(());
        };
        let wait = deadline.left_to_wait(&*self.env.clock);
        if planted!(TokenIsIgnored) {
            return Ok(());
        }
        self.engine.wait_for(&key, &token.vector, wait).await.map_err(|_| {
            let message = "this replica did not get what causal_token names within the deadline";
            Failure::new(Reason::NotYet, message)
        })
    }

    async fn batch_get(
        &self,
        request: pb::BatchGetRequest,
        deadline: Deadline,
        hop: Hop,
    ) -> Result<pb::BatchGetResponse, Failure> {
        ids::check_namespace(&request.namespace)?;
        let (count, limit) = (request.session_ids.len(), self.config.batch_get_items_max);
        if count > limit {
            let message = format!("session_ids has {count} ids; at most {limit} are allowed");
            let failure = Failure::new(Reason::LimitExceeded, message).with("field", "session_ids");
            return Err(failure.with("limit", limit).with("actual", count));
        }
        let pb::BatchGetRequest { namespace, session_ids, options } = request;
        let gets = session_ids.into_iter().map(|session_id| {
            let get = pb::GetRequest { namespace: namespace.clone(), session_id, options: options.clone() };
            self.get_one(get, deadline, hop)
        });
        let outcomes: Vec<Outcome> = stream::iter(gets).buffered(BATCH_READS_MAX).collect().await;
        Ok(fit(outcomes, self.message_bytes_max))
    }

    async fn get_one(&self, request: pb::GetRequest, deadline: Deadline, hop: Hop) -> Outcome {
        let call = Call::Get(request);
        let reply = match self.call_now(&call) {
            Some(reply) => Ok(reply),
            None => self.dispatch_one(call, deadline, hop).await,
        };
        match reply {
            Ok(Reply::Get(found)) => Outcome::Found(found),
            Ok(Reply::Error(error)) => Outcome::Error(error),
            Ok(_) => Outcome::Error(Failure::new(Reason::Internal, "unexpected answer").into_error()),
            Err(failure) => Outcome::Error(failure.into_error()),
        }
    }
}

/// Namespace and id of a call about one session.
fn subject(call: &Call) -> (&str, &str) {
    match call {
        Call::Get(request) => (&request.namespace, &request.session_id),
        Call::Update(request) => (&request.namespace, &request.session_id),
        Call::Touch(request) => (&request.namespace, &request.session_id),
        Call::Rotate(request) => (&request.namespace, &request.session_id),
        Call::Revoke(request) => (&request.namespace, &request.session_id),
        Call::Receipt(request) => (&request.namespace, &request.session_id),
        Call::Create(_) | Call::BatchGet(_) => ("", ""),
    }
}

/// The outcomes of a batch, cut to what fits into one message.
fn fit(outcomes: Vec<Outcome>, bytes_max: usize) -> pb::BatchGetResponse {
    // Leaves room for the errors that stand in for what does not fit.
    let mut room = bytes_max / 2;
    let results = outcomes.into_iter().map(|outcome| {
        let result = pb::BatchGetResult { outcome: Some(outcome) };
        let bytes = result.encoded_len();
        if bytes <= room {
            room -= bytes;
            return result;
        }
        let message = "the answer would be too long; ask for fewer ids at a time";
        let failure = Failure::new(Reason::LimitExceeded, message).with("field", "session_ids");
        pb::BatchGetResult { outcome: Some(Outcome::Error(failure.into_error())) }
    });
    pb::BatchGetResponse { results: results.collect() }
}
