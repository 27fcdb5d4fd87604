//! Writes: one atomic change at this replica, then as many confirmations as were asked for.

use std::sync::Arc;

use bytes::Bytes;
use sojourn_proto::session::v1 as pb;

use super::causal::CausalToken;
use super::convert;
use super::deadline::Deadline;
use super::directory::{Login, check_device, write_levels};
use super::handler::{Handler, Target};
use super::ids::{check_idempotency_key, check_reason};
use super::levels::{durability, write_consistency};
use super::reads::revoked;
use super::rotations::rotated;
use super::status::{Failure, Reason};
use crate::engine::{
    Changes, Command, Committed, Create, Durability, EngineError, ExecuteOptions, StepError, Update,
};
use crate::session::{AuthBlock, SessionLimits, SessionView};

/// A change of a live session that a caller asks for.
pub(super) struct Change<'a> {
    pub(super) namespace: &'a str,
    pub(super) target: Target,
    pub(super) message: pb::Changes,
    pub(super) options: pb::WriteOptions,
}

/// How a write is to be made and kept.
#[derive(Default)]
pub(super) struct Terms {
    /// What the caller says, or the policy.
    pub(super) options: pb::WriteOptions,
    /// What the session may hold; none: by the node's configuration.
    pub(super) limits: Option<Arc<SessionLimits>>,
    /// A receipt is given: other replicas are asked to confirm the write.
    pub(super) receipt: bool,
}

impl Handler {
    pub(super) async fn create(
        &self,
        request: pb::CreateRequest,
        session_id: String,
        target: Target,
        deadline: Deadline,
    ) -> Result<pb::CreateResponse, Failure> {
        let message = request.changes.unwrap_or_default();
        let device = message.device.clone();
        let changes = convert::changes(message)?;
        let policy = self.records.policy(&request.namespace).await?;
        let options = write_levels(request.options.unwrap_or_default(), &policy);
        let limits = policy.limits(&self.limits);
        let mut create = Create {
            namespace: request.namespace.as_str().into(),
            idle_timeout_ms: or_default(request.idle_timeout_ms, limits.idle_timeout_ms_default),
            absolute_timeout_ms: or_default(request.absolute_timeout_ms, limits.absolute_timeout_ms_default),
            changes,
        };
        let deadline_ms = self.engine.trusted_wall_ms()?.saturating_add(create.absolute_timeout_ms);
        let login = Login { namespace: &request.namespace, target, device: &device, deadline_ms };
        self.log_in(&login, &mut create.changes, deadline).await?;
        let auth = create.changes.set_auth.clone();
        let terms = Terms { options, limits: Some(limits.into()), receipt: false };
        let written = self.write(target, Command::Create(create), terms, deadline).await;
        let committed = self.or_forget(written, &login, auth.as_ref(), deadline).await;
        let committed = committed.map_err(|failure| failure.with_new_id(&session_id))?;
        let session = Some(self.show(&committed.state, target).await?.session);
        let causal_token = token(target, &committed);
        Ok(pb::CreateResponse { session_id, session, causal_token, replica_id: self.replica_id() })
    }

    pub(super) async fn update(
        &self,
        request: pb::UpdateRequest,
        target: Target,
        deadline: Deadline,
    ) -> Result<pb::UpdateResponse, Failure> {
        let message = request.changes.unwrap_or_default();
        if !request.touch && message == pb::Changes::default() {
            return Err(Failure::field("changes", "at least one change, or touch must be true"));
        }
        let expected = convert::expectations(request.expected_here)?;
        let touch = request.touch;
        let options = self.write_options(&request.namespace, request.options).await?;
        let change = Change { namespace: &request.namespace, target, message, options };
        let command = |changes| Command::Update(Update { changes, touch, expected });
        let committed = self.change(change, command, deadline).await?;
        let session = self.show_if(request.return_session, &committed, target).await?;
        let causal_token = token(target, &committed);
        Ok(pb::UpdateResponse { session, causal_token, replica_id: self.replica_id() })
    }

    /// Changes a live session, with what a login among the changes needs.
    pub(super) async fn change(
        &self,
        change: Change<'_>,
        command: impl FnOnce(Changes) -> Command,
        deadline: Deadline,
    ) -> Result<Committed, Failure> {
        let Change { namespace, target, message, options } = change;
        let device = message.device.clone();
        let mut changes = convert::changes(message)?;
        let standing = self.standing(namespace, target, &options.causal_token, deadline).await?;
        let deadline_ms = standing.deadline_ms;
        let login = Login { namespace, target, device: &device, deadline_ms };
        self.log_in(&login, &mut changes, deadline).await?;
        let auth = changes.set_auth.clone();
        let terms = Terms { options, limits: Some(standing.limits), receipt: false };
        let written = self.write(target, command(changes), terms, deadline).await;
        let (before, is_new) =
            (standing.auth, |before: &AuthBlock, auth: &AuthBlock| before.principal != auth.principal);
        let first = auth.as_ref().filter(|auth| before.as_ref().is_none_or(|before| is_new(before, auth)));
        let committed = self.or_forget(written, &login, first, deadline).await?;
        if let (Some(before), Some(_)) = (&before, first) {
            self.forget(namespace, before, &target.key, deadline).await;
        }
        Ok(committed)
    }

    /// The session as a write left it, if that was asked for.
    pub(super) async fn show_if(
        &self,
        is_wanted: bool,
        committed: &Committed,
        target: Target,
    ) -> Result<Option<pb::Session>, Failure> {
        if is_wanted { Ok(Some(self.show(&committed.state, target).await?.session)) } else { Ok(None) }
    }

    pub(super) async fn touch(
        &self,
        request: pb::TouchRequest,
        target: Target,
        deadline: Deadline,
    ) -> Result<pb::TouchResponse, Failure> {
        let options = self.write_options(&request.namespace, request.options).await?;
        self.standing(&request.namespace, target, &options.causal_token, deadline).await?;
        let terms = Terms { options, ..Terms::default() };
        let committed = self.write(target, Command::Touch, terms, deadline).await?;
        let expires_at_ms = SessionView::open(&committed.state, &self.decode_limits)?.expires_at_ms();
        let causal_token = token(target, &committed);
        Ok(pb::TouchResponse { expires_at_ms, causal_token, replica_id: self.replica_id() })
    }

    pub(super) async fn revoke(
        &self,
        request: pb::RevokeRequest,
        target: Target,
        deadline: Deadline,
    ) -> Result<pb::RevokeResponse, Failure> {
        check_reason(&request.reason)?;
        let awaited = self.awaited(request.wait, target.partition)?;
        let options = self.write_options(&request.namespace, request.options).await?;
        let auth = match self.standing(&request.namespace, target, &options.causal_token, deadline).await {
            Ok(standing) => standing.auth,
            Err(failure) if failure.reason() == Reason::SessionRotated => return Err(failure),
            // One that its principal has ended already is ended all the same.
            Err(_) => None,
        };
        let command = Command::Revoke { reason: request.reason.into() };
        let terms = Terms { options, limits: None, receipt: true };
        let committed = self.write(target, command, terms, deadline).await?;
        if let Some(auth) = auth {
            self.forget(&request.namespace, &auth, &target.key, deadline).await;
        }
        let receipt = Some(self.receipt_of(target.partition, &committed, &awaited, deadline).await);
        let view = SessionView::open(&committed.state, &self.decode_limits)?;
        let causal_token = token(target, &committed);
        let replica_id = self.replica_id();
        let Some(revocation) = view.revocation() else {
            return Ok(pb::RevokeResponse { causal_token, replica_id, receipt, ..Default::default() });
        };
        let (revoked_at_ms, reason) = (revocation.stamp.wall_ms(), revocation.reason.to_string());
        Ok(pb::RevokeResponse { revoked_at_ms, reason, causal_token, replica_id, receipt })
    }

    /// Prepares the login of a change, if it has one.
    async fn log_in(
        &self,
        login: &Login<'_>,
        changes: &mut Changes,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        check_device(login.device)?;
        match &mut changes.set_auth {
            Some(auth) => self.begin_login(login, auth, deadline).await,
            None => Ok(()),
        }
    }

    /// A login that was refused does not stay in its principal's list; one that may have
    /// been made does.
    async fn or_forget(
        &self,
        written: Result<Committed, Failure>,
        login: &Login<'_>,
        auth: Option<&AuthBlock>,
        deadline: Deadline,
    ) -> Result<Committed, Failure> {
        if let (Err(failure), Some(auth)) = (&written, auth)
            && failure.changed_nothing()
        {
            self.forget(login.namespace, auth, &login.target.key, deadline).await;
        }
        written
    }

    /// Executes a command and waits for what its options ask for.
    pub(super) async fn write(
        &self,
        target: Target,
        command: Command,
        Terms { options, limits, receipt }: Terms,
        deadline: Deadline,
    ) -> Result<Committed, Failure> {
        let level = write_consistency(options.consistency)?;
        let durability = match durability(options.durability)? {
            pb::Durability::Synced => Durability::Synced,
            _ => Durability::Buffered,
        };
        check_idempotency_key(&options.idempotency_key)?;
        self.wait_for_token(&options.causal_token, target, deadline).await?;
        self.counters.add_write();
        let key = Some(options.idempotency_key).filter(|key: &Bytes| !key.is_empty());
        let waits = level != pb::Consistency::LocalOne;
        let ack = waits || receipt;
        let options = ExecuteOptions { durability, idempotency_key: key, ack, shown: target.shown, limits };
        let committed = match self.engine.execute(target.key, command.clone(), &options).await {
            Err(EngineError::Refused(StepError::Partial)) => {
                self.complete(target, deadline).await?;
                self.engine.execute(target.key, command, &options).await
            }
            outcome => outcome,
        };
        let committed = match committed {
            // The engine tells that it ended; the record tells how.
            Err(EngineError::Refused(StepError::Revoked)) => return Err(self.ended(target).await),
            Err(EngineError::Refused(StepError::Rotated)) => {
                self.note_replay(target).await;
                return Err(self.ended(target).await);
            }
            committed => committed?,
        };
        if waits {
            self.confirm(target, &committed, level, deadline).await?;
        }
        Ok(committed)
    }

    /// How the session, or the id that was shown, came to its end.
    async fn ended(&self, target: Target) -> Failure {
        let Ok(Some(record)) = self.engine.read(target.key).await else { return StepError::Revoked.into() };
        match SessionView::open(&record.state, &self.decode_limits) {
            Ok(view) if view.revocation().is_some() => revoked(&view),
            Ok(view) => rotated(view.ids()),
            Err(error) => error.into(),
        }
    }
}

/// A duration of 0 stands for the default.
fn or_default(asked_ms: u64, default_ms: u64) -> u64 {
    if asked_ms == 0 { default_ms } else { asked_ms }
}

pub(super) fn token(target: Target, committed: &Committed) -> Bytes {
    CausalToken::encode(target.partition, &committed.vector)
}
