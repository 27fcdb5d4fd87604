//! The node's side of a call, in the steps of the API's handler.

use std::sync::Weak;
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_node::engine::{Command, Committed, Durability, EngineError, ExecuteOptions, Record, StepError};
use sojourn_node::env::Rng;
use sojourn_node::replication::{Fetched, Wanted, gather};
use sojourn_node::session::{DecodeLimits, IdVerdict, Key, Liveness, SecretHash, SessionView, VersionVector};
use sojourn_proto::session::v1::Consistency;

use super::Request;
use super::id::id_of;
use super::principal::{begin_login, is_ended, principal_now, put, record_of};
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
    let is_write = call.request.is_write();
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
    async fn answer(mut self) -> Result<(Answer, VersionVector), Answer> {
        if let Some(Command::Rotate(rotate)) = &self.request.command
            && self.has_id(rotate.secret).await
        {
            // An earlier attempt has done it.
            self.request.shown = rotate.secret;
        }
        let wait = self.left_to_wait();
        let waited = self.node.engine.wait_for(&self.request.key, &self.request.token, wait).await;
        waited.map_err(|_| Answer::Refused(Refusal::NotYet))?;
        match (self.request.command.clone(), self.request.log_out) {
            (Some(command), _) => self.write(command).await,
            (None, Some(principal)) => self.log_out_everywhere(&format!("p{principal}")).await,
            (None, None) => self.read().await,
        }
    }

    fn options(&self) -> ExecuteOptions {
        let request = &self.request;
        ExecuteOptions {
            durability: if request.synced { Durability::Synced } else { Durability::Buffered },
            idempotency_key: Some(request.idempotency_key.clone()).filter(|key| !key.is_empty()),
            ack: request.level != Consistency::LocalOne || request.revokes.is_some(),
            shown: request.shown,
            limits: None,
        }
    }

    async fn log_out_everywhere(&self, principal: &str) -> Result<(Answer, VersionVector), Answer> {
        let engine = &self.node.engine;
        let now_ms = engine.trusted_wall_ms().map_err(|_| Answer::Refused(Refusal::Unavailable))?;
        let key = record_of(principal, now_ms);
        // One that cannot be read now is logged out none the less.
        let known = principal_now(engine, principal, now_ms).await.unwrap_or_default();
        let changes = known.log_out_everywhere(self.node.env.rng.with(|rng| rng.random()), None);
        let committed = match put(engine, principal, changes.clone(), &self.options(), now_ms).await {
            Err(EngineError::Refused(StepError::Partial)) => {
                self.complete(key).await.map_err(|error| write_failed(&error))?;
                put(engine, principal, changes, &self.options(), now_ms).await
            }
            outcome => outcome,
        };
        self.concluded(key, committed.map_err(|error| write_failed(&error))?).await
    }

    /// Refuses a session that was ended through its principal, and prepares a login.
    async fn admit(&self, command: &mut Command) -> Result<(), EngineError> {
        let (engine, key) = (&self.node.engine, self.request.key);
        let now_ms = engine.trusted_wall_ms().map_err(|_| EngineError::NotReady { detail: String::new() })?;
        if let Some(record) = engine.read(key).await?
            && matches!(command, Command::Update(_) | Command::Touch | Command::Rotate(_))
            && matches!(shown(&record.state, now_ms), Shown::Live(_))
        {
            match self.verdict(&record, now_ms) {
                IdVerdict::Current | IdVerdict::Alias => {}
                IdVerdict::Replaced => return Err(EngineError::Refused(StepError::Rotated)),
                IdVerdict::Unknown => return Err(EngineError::Refused(StepError::NotFound)),
            }
            if is_ended(engine, key, &record.state, now_ms).await? {
                return Err(EngineError::Refused(StepError::Revoked));
            }
        }
        if let Command::Update(update) = command
            && let Some(auth) = &mut update.changes.set_auth
        {
            begin_login(engine, key, auth, now_ms).await?;
        }
        Ok(())
    }

    fn left_to_wait(&self) -> Duration {
        self.deadline.saturating_sub(self.node.env.clock.monotonic()).saturating_sub(self.reserve)
    }

    async fn write(&self, mut command: Command) -> Result<(Answer, VersionVector), Answer> {
        let admitted = match self.admit(&mut command).await {
            Err(EngineError::Refused(StepError::Partial)) => match self.complete(self.request.key).await {
                Ok(()) => self.admit(&mut command).await,
                failed => failed,
            },
            admitted => admitted,
        };
        let committed = match admitted {
            Ok(()) => self.execute(command).await,
            Err(refused) => Err(refused),
        };
        if matches!(committed, Err(EngineError::Refused(StepError::Rotated))) {
            self.note_replay().await;
        }
        let committed = committed.map_err(|error| write_failed(&error))?;
        self.follow_receipt(&committed);
        self.concluded(self.request.key, committed).await
    }

    async fn execute(&self, command: Command) -> Result<Committed, EngineError> {
        let (engine, key, options) = (&self.node.engine, self.request.key, self.options());
        match engine.execute(key, command.clone(), &options).await {
            Err(EngineError::Refused(StepError::Partial)) => {
                self.complete(key).await?;
                engine.execute(key, command, &options).await
            }
            outcome => outcome,
        }
    }

    /// Marks the session of which a replaced id was used. That this may fail changes no answer.
    async fn note_replay(&self) {
        let options = ExecuteOptions { shown: self.request.shown, ..ExecuteOptions::default() };
        drop(self.node.engine.execute(self.request.key, Command::MarkReplay, &options).await);
    }

    /// What a live session shows to the holder of this request's id.
    fn by_id(&self, shown: Shown, record: &Record, now_ms: u64) -> Shown {
        match (shown, self.verdict(record, now_ms)) {
            (Shown::Live(_), IdVerdict::Replaced) => Shown::Rotated,
            (Shown::Live(_), IdVerdict::Unknown) => Shown::Absent,
            (shown, _) => shown,
        }
    }

    fn verdict(&self, record: &Record, now_ms: u64) -> IdVerdict {
        SessionView::open(&record.state, &DecodeLimits::default())
            .map_or(IdVerdict::Unknown, |view| view.judge_id(&self.request.shown, now_ms))
    }

    async fn has_id(&self, secret: SecretHash) -> bool {
        let Ok(Some(record)) = self.node.engine.read(self.request.key).await else { return false };
        SessionView::open(&record.state, &DecodeLimits::default())
            .is_ok_and(|view| view.ids().current_secret() == secret)
    }

    /// The receipt of a revocation that was made, or found made.
    fn follow_receipt(&self, committed: &Committed) {
        let (Some(session), Some(sim)) = (self.request.revokes, self.me.upgrade()) else { return };
        sim.lock().follow_receipt(self.node.at(), session, committed.applied());
    }

    async fn concluded(&self, key: Key, committed: Committed) -> Result<(Answer, VersionVector), Answer> {
        let node = self.node.node;
        let is_enough = self.request.level == Consistency::LocalOne || self.confirm(key, &committed).await;
        let answer = if is_enough { Answer::Acknowledged { node } } else { Answer::Partly { node } };
        Ok((answer, committed.vector))
    }

    async fn confirm(&self, key: Key, committed: &Committed) -> bool {
        let (node, request) = (self.node, &self.request);
        let wait = self.left_to_wait();
        let Some(dot) = committed.dot else { return self.confirm_state(key, committed, wait).await };
        let watch = node.membership.clone();
        node.acks.wait_level(request.partition, dot, request.level, watch, wait).await.is_ok()
    }

    async fn confirm_state(&self, key: Key, committed: &Committed, wait: Duration) -> bool {
        let look = async {
            loop {
                if let Ok(held) = self.fetch(key, self.request.level, wait).await
                    && held.iter().all(|held| held.state.as_ref() == Some(&committed.state))
                {
                    return;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(wait, look).await.is_ok()
    }

    async fn fetch(&self, key: Key, level: Consistency, timeout: Duration) -> Result<Vec<Fetched>, ()> {
        let (me, node) = (self.me, self.node);
        let ask = |replica| fetch_from(me, node, replica, vec![key], Wanted::State);
        let (watch, partition) = (node.membership.clone(), self.request.partition);
        gather(watch, node.me.replica, partition, level, timeout, ask).await.map_err(|_| ())
    }

    async fn complete(&self, key: Key) -> Result<(), EngineError> {
        let wait = self.left_to_wait() / 2;
        for level in [Consistency::LocalQuorum, Consistency::EachQuorum] {
            let fetched = self.fetch(key, level, wait).await.unwrap_or_default();
            let found = fetched.iter().any(|answer| answer.state.is_some());
            self.take_over(key, fetched).await?;
            if found {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn take_over(&self, key: Key, fetched: Vec<Fetched>) -> Result<(), EngineError> {
        for (state, covered) in fetched.into_iter().filter_map(Fetched::into_state) {
            self.node.engine.merge_states(self.request.partition, vec![(key, state)], covered).await?;
        }
        Ok(())
    }

    async fn read(&self) -> Result<(Answer, VersionVector), Answer> {
        let failed = || Answer::Refused(Refusal::Unavailable);
        if self.request.level != Consistency::LocalOne {
            let fetched = self.fetch(self.request.key, self.request.level, self.left_to_wait()).await;
            let fetched = fetched.map_err(|()| failed())?;
            self.take_over(self.request.key, fetched).await.map_err(|_| failed())?;
        }
        let mut read = self.node.engine.read(self.request.key).await;
        let is_partial = match &read {
            Ok(record) => record.as_ref().is_some_and(|record| self.is_partial(record)),
            Err(error) => matches!(error, EngineError::Refused(StepError::Partial)),
        };
        if is_partial {
            self.complete(self.request.key).await.map_err(|_| failed())?;
            read = self.node.engine.read(self.request.key).await;
        }
        let record = read.map_err(|_| failed())?;
        let now_ms = self.node.engine.trusted_wall_ms().map_err(|_| failed())?;
        let mut shown = record
            .as_ref()
            .map_or(Shown::Absent, |record| self.by_id(shown(&record.state, now_ms), record, now_ms));
        if shown == Shown::Rotated {
            self.note_replay().await;
        }
        if let (Shown::Live(_), Some(record)) = (&shown, &record) {
            let (engine, key) = (&self.node.engine, self.request.key);
            if is_ended(engine, key, &record.state, now_ms).await.map_err(|_| failed())? {
                shown = Shown::Revoked;
            }
        }
        let token = record.map(|record| record.vector).unwrap_or_default();
        match shown {
            Shown::Partial => Err(failed()),
            // These are errors of the API, and errors bring no token.
            Shown::Absent | Shown::Revoked | Shown::Rotated => {
                Err(Answer::Read { node: self.node.node, shown })
            }
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
        EngineError::Refused(refused) => Answer::Refused(refusal(refused)),
        EngineError::NotReady { .. } => Answer::Refused(Refusal::Unavailable),
        // The disk may have kept the write all the same.
        EngineError::Store(_) | EngineError::Unsynced { .. } => Answer::Unknown,
    }
}

fn refusal(refused: &StepError) -> Refusal {
    match refused {
        StepError::NotFound | StepError::Expired => Refusal::NotFound,
        StepError::Revoked => Refusal::Revoked,
        StepError::AlreadyExists => Refusal::AlreadyExists,
        StepError::Rotated => Refusal::Rotated,
        StepError::AlreadyRotated => Refusal::AlreadyRotated,
        StepError::Partial => Refusal::Unavailable,
        StepError::LimitExceeded { .. }
        | StepError::NotAsExpected { .. }
        | StepError::InvalidArgument { .. } => Refusal::Invalid,
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
    let id = Some(id_of(view.ids().current_secret()));
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
        id,
        absolute_deadline_ms,
        expires_at_ms,
    })
}
