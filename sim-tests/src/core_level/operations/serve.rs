//! The node's side of a call, in the steps of the API's handler.

use std::sync::Weak;
use std::time::Duration;

use crdts::CvRDT;
use parking_lot::Mutex;
use sojourn_node::engine::{Command, Committed, Covered, Durability, EngineError, ExecuteOptions, Record};
use sojourn_node::replication::{Fetched, gather};
use sojourn_node::session::{DecodeLimits, Liveness, SessionView, VersionVector};
use sojourn_proto::session::v1::Consistency;

use super::Request;
use crate::core_level::fetch::fetch_from;
use crate::core_level::layout;
use crate::core_level::node::Shared;
use crate::core_level::world::World;
use crate::record::{Answer, Content, Refusal, Shown};

/// Pause between looks at other replicas for a write that this call did not make.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

type Me = Weak<Mutex<World>>;

/// An answer, and the causal token that comes with it.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) answer: Answer,
    pub(super) token: Option<VersionVector>,
}

struct Call<'a> {
    me: &'a Me,
    node: &'a Shared,
    request: Request,
    deadline: Duration,
    reserve: Duration,
}

/// Answers a call; none if this node does not take it.
pub(super) async fn serve(me: &Me, node: &Shared, request: Request, timeout: Duration) -> Option<Served> {
    let membership = node.membership();
    let replica = node.me.replica;
    if node.engine.trusted_wall_ms().is_err() {
        return None;
    }
    if !layout::is_ready(&membership, replica) || !layout::serves(&membership, replica, request.partition) {
        return None;
    }
    let reserve = (timeout / 20).min(Duration::from_millis(20));
    let deadline = node.env.clock.monotonic() + timeout;
    let call = Call { me, node, request, deadline, reserve };
    let is_write = call.request.command.is_some();
    let answered = tokio::time::timeout(timeout, call.answer()).await;
    let failed = if is_write { Answer::Unknown } else { Answer::Refused(Refusal::Unavailable) };
    let refused = |answer| Served { answer, token: None };
    Some(match answered {
        Ok(Ok((answer, token))) => Served { answer, token: Some(token) },
        Ok(Err(answer)) => refused(answer),
        Err(_) => refused(failed),
    })
}

impl Call<'_> {
    async fn answer(&self) -> Result<(Answer, VersionVector), Answer> {
        let wait = self.left_to_wait();
        let waited = self.node.engine.wait_for(self.request.partition, &self.request.token, wait).await;
        waited.map_err(|_| Answer::Refused(Refusal::NotYet))?;
        match self.request.command.clone() {
            Some(command) => self.write(command).await,
            None => self.read().await,
        }
    }

    fn left_to_wait(&self) -> Duration {
        self.deadline.saturating_sub(self.node.env.clock.monotonic()).saturating_sub(self.reserve)
    }

    async fn write(&self, command: Command) -> Result<(Answer, VersionVector), Answer> {
        let (engine, request) = (&self.node.engine, &self.request);
        let ack = request.level != Consistency::LocalOne;
        let options = ExecuteOptions {
            durability: if request.synced { Durability::Synced } else { Durability::Buffered },
            idempotency_key: Some(request.idempotency_key.clone()).filter(|key| !key.is_empty()),
            ack,
        };
        let committed = match engine.execute(request.key, command.clone(), &options).await {
            Err(EngineError::Partial) => {
                self.complete().await.map_err(|error| write_failed(&error))?;
                engine.execute(request.key, command, &options).await
            }
            outcome => outcome,
        };
        let committed = committed.map_err(|error| write_failed(&error))?;
        let node = self.node.node;
        let answer = if !ack || self.confirm(&committed).await {
            Answer::Acknowledged { node }
        } else {
            Answer::Partly { node }
        };
        Ok((answer, committed.vector))
    }

    async fn confirm(&self, committed: &Committed) -> bool {
        let (node, request) = (self.node, &self.request);
        let wait = self.left_to_wait();
        let Some(dot) = committed.dot else { return self.confirm_state(committed, wait).await };
        let watch = node.membership.clone();
        node.acks.wait_level(request.partition, dot, request.level, watch, wait).await.is_ok()
    }

    async fn confirm_state(&self, committed: &Committed, wait: Duration) -> bool {
        let look = async {
            loop {
                if let Ok(held) = self.fetch(self.request.level, wait).await
                    && held.iter().all(|held| held.state.as_ref() == Some(&committed.state))
                {
                    return;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(wait, look).await.is_ok()
    }

    async fn fetch(&self, level: Consistency, timeout: Duration) -> Result<Vec<Fetched>, ()> {
        let (me, node, key) = (self.me, self.node, self.request.key);
        let ask = |replica| fetch_from(me, node, replica, vec![key]);
        let (watch, partition) = (node.membership.clone(), self.request.partition);
        gather(watch, node.me.replica, partition, level, timeout, ask).await.map_err(|_| ())
    }

    async fn complete(&self) -> Result<(), EngineError> {
        let wait = self.left_to_wait() / 2;
        for level in [Consistency::LocalQuorum, Consistency::EachQuorum] {
            let fetched = self.fetch(level, wait).await.unwrap_or_default();
            let found = fetched.iter().any(|answer| answer.state.is_some());
            self.take_over(fetched).await?;
            if found {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn take_over(&self, fetched: Vec<Fetched>) -> Result<(), EngineError> {
        for Fetched { state, vector, .. } in fetched {
            let Some(state) = state else { continue };
            let (states, covered) = (vec![(self.request.key, state)], Covered::EachRecord(vector));
            self.node.engine.merge_states(self.request.partition, states, covered).await?;
        }
        Ok(())
    }

    async fn read(&self) -> Result<(Answer, VersionVector), Answer> {
        let failed = || Answer::Refused(Refusal::Unavailable);
        let mut seen = VersionVector::new();
        if self.request.level != Consistency::LocalOne {
            let fetched = self.fetch(self.request.level, self.left_to_wait()).await.map_err(|()| failed())?;
            for answer in &fetched {
                seen.merge(answer.vector.clone());
            }
            self.take_over(fetched).await.map_err(|_| failed())?;
        }
        let mut read = self.node.engine.read(self.request.key).await;
        let is_partial = match &read {
            Ok(record) => record.as_ref().is_some_and(|record| self.is_partial(record)),
            Err(error) => matches!(error, EngineError::Partial),
        };
        if is_partial {
            self.complete().await.map_err(|_| failed())?;
            read = self.node.engine.read(self.request.key).await;
        }
        let record = read.map_err(|_| failed())?;
        let now_ms = self.node.engine.trusted_wall_ms().map_err(|_| failed())?;
        let shown = record.as_ref().map_or(Shown::Absent, |record| shown(&record.state, now_ms));
        let mut token = record.map(|record| record.vector).unwrap_or_default();
        token.merge(seen);
        match shown {
            Shown::Partial => Err(failed()),
            // These are errors of the API, and errors bring no token.
            Shown::Absent => Err(Answer::Read { node: self.node.node, shown }),
            Shown::Revoked => Err(Answer::Read { node: self.node.node, shown }),
            Shown::Live(_) => Ok((Answer::Read { node: self.node.node, shown }, token)),
        }
    }

    fn is_partial(&self, record: &Record) -> bool {
        let now_ms = self.node.env.clock.wall_ms();
        shown(&record.state, now_ms) == Shown::Partial
    }
}

fn write_failed(error: &EngineError) -> Answer {
    match error {
        EngineError::NotFound | EngineError::Expired => Answer::Refused(Refusal::NotFound),
        EngineError::Revoked => Answer::Refused(Refusal::Revoked),
        EngineError::AlreadyExists => Answer::Refused(Refusal::AlreadyExists),
        EngineError::Partial => Answer::Refused(Refusal::Unavailable),
        EngineError::LimitExceeded { .. } | EngineError::InvalidArgument { .. } => {
            Answer::Refused(Refusal::Invalid)
        }
        EngineError::NotReady { .. } => Answer::Refused(Refusal::Unavailable),
        // The disk may have kept the write all the same.
        EngineError::Store(_) | EngineError::Unsynced { .. } => Answer::Unknown,
    }
}

/// What a record shows to a reader at `now_ms`.
pub(in crate::core_level) fn shown(state: &bytes::Bytes, now_ms: u64) -> Shown {
    let limits = DecodeLimits::default();
    let Ok(view) = SessionView::open(state, &limits) else { return Shown::Partial };
    match view.liveness(now_ms) {
        Liveness::Partial => Shown::Partial,
        Liveness::Expired => Shown::Absent,
        Liveness::Revoked => Shown::Revoked,
        Liveness::Live => content(view).map_or(Shown::Partial, Shown::Live),
    }
}

fn content(view: SessionView<'_>) -> Option<Content> {
    let (absolute_deadline_ms, expires_at_ms) = (view.absolute_deadline_ms(), view.expires_at_ms());
    let content = view.content().ok()?;
    let text = |bytes: &bytes::Bytes| String::from_utf8_lossy(bytes).into_owned();
    let attributes = content.attributes.iter().map(|(name, value)| ((*name).to_owned(), text(&value.bytes)));
    let counter = content.counters.iter().find(|(name, _)| *name == "n").map_or(0, |(_, value)| *value);
    let members = content.sets.iter().filter(|(name, _)| *name == "s").flat_map(|(_, members)| members);
    Some(Content {
        attributes: attributes.collect(),
        counter,
        members: members.map(text).collect(),
        principal: content.auth.as_ref().map(|auth| auth.principal.to_string()),
        absolute_deadline_ms,
        expires_at_ms,
    })
}
