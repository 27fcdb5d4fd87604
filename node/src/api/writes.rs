//! Writes: one atomic change at this replica, then as many confirmations as were asked for.

use bytes::Bytes;
use sojourn_proto::session::v1 as pb;

use super::causal::CausalToken;
use super::convert;
use super::deadline::Deadline;
use super::handler::{Handler, Target};
use super::ids::{check_idempotency_key, check_reason};
use super::levels::{durability, write_consistency};
use super::reads::revoked;
use super::status::Failure;
use crate::engine::{Command, Committed, Create, Durability, EngineError, ExecuteOptions, Update};
use crate::session::SessionView;

impl Handler {
    pub(super) async fn create(
        &self,
        request: pb::CreateRequest,
        session_id: String,
        target: Target,
        deadline: Deadline,
    ) -> Result<pb::CreateResponse, Failure> {
        let command = Command::Create(Create {
            namespace: request.namespace.into(),
            idle_timeout_ms: or_default(request.idle_timeout_ms, self.limits.idle_timeout_ms_default),
            absolute_timeout_ms: or_default(
                request.absolute_timeout_ms,
                self.limits.absolute_timeout_ms_default,
            ),
            changes: convert::changes(request.changes.unwrap_or_default())?,
        });
        let committed = self.write(target, command, request.options, deadline).await?;
        let session = Some(self.show(&committed.state)?);
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
        let changes = convert::changes(message)?;
        let command = Command::Update(Update { changes, touch: request.touch });
        let committed = self.write(target, command, request.options, deadline).await?;
        let session = if request.return_session { Some(self.show(&committed.state)?) } else { None };
        let causal_token = token(target, &committed);
        Ok(pb::UpdateResponse { session, causal_token, replica_id: self.replica_id() })
    }

    pub(super) async fn touch(
        &self,
        request: pb::TouchRequest,
        target: Target,
        deadline: Deadline,
    ) -> Result<pb::TouchResponse, Failure> {
        let committed = self.write(target, Command::Touch, request.options, deadline).await?;
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
        let command = Command::Revoke { reason: request.reason.into() };
        let committed = self.write(target, command, request.options, deadline).await?;
        let view = SessionView::open(&committed.state, &self.decode_limits)?;
        let causal_token = token(target, &committed);
        let replica_id = self.replica_id();
        let Some(revocation) = view.revocation() else {
            return Ok(pb::RevokeResponse { causal_token, replica_id, ..Default::default() });
        };
        let (revoked_at_ms, reason) = (revocation.stamp.wall_ms(), revocation.reason.to_string());
        Ok(pb::RevokeResponse { revoked_at_ms, reason, causal_token, replica_id })
    }

    /// Executes a command and waits for what its options ask for.
    async fn write(
        &self,
        target: Target,
        command: Command,
        options: Option<pb::WriteOptions>,
        deadline: Deadline,
    ) -> Result<Committed, Failure> {
        let options = options.unwrap_or_default();
        let level = write_consistency(options.consistency)?;
        let durability = match durability(options.durability)? {
            pb::Durability::Synced => Durability::Synced,
            _ => Durability::Buffered,
        };
        check_idempotency_key(&options.idempotency_key)?;
        self.wait_for_token(&options.causal_token, target, deadline).await?;
        self.counters.add_write();
        let key = Some(options.idempotency_key).filter(|key: &Bytes| !key.is_empty());
        let ack = level != pb::Consistency::LocalOne;
        let options = ExecuteOptions { durability, idempotency_key: key, ack };
        let committed = match self.engine.execute(target.key, command.clone(), &options).await {
            Err(EngineError::Partial) => {
                self.complete(target, deadline).await?;
                self.engine.execute(target.key, command, &options).await
            }
            outcome => outcome,
        };
        let committed = match committed {
            // The engine tells that it ended; the record tells how.
            Err(EngineError::Revoked) => return Err(self.ended(target).await),
            committed => committed?,
        };
        if ack {
            self.confirm(target, &committed, level, deadline).await?;
        }
        Ok(committed)
    }

    async fn ended(&self, target: Target) -> Failure {
        let Ok(Some(record)) = self.engine.read(target.key).await else { return EngineError::Revoked.into() };
        match SessionView::open(&record.state, &self.decode_limits) {
            Ok(view) => revoked(&view),
            Err(error) => error.into(),
        }
    }
}

/// A duration of 0 stands for the default.
fn or_default(asked_ms: u64, default_ms: u64) -> u64 {
    if asked_ms == 0 { default_ms } else { asked_ms }
}

fn token(target: Target, committed: &Committed) -> Bytes {
    CausalToken::encode(target.partition, &committed.vector)
}
