//! A principal's sessions: list them, end one, end all.

use std::time::Duration;

use sojourn_proto::directory::v1 as pb;
use sojourn_proto::session::v1 as session_pb;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;

use super::super::deadline::Deadline;
use super::super::handler::{Handler, Hop, Target};
use super::super::ids::{check_namespace, check_principal, check_reason};
use super::super::receipts::revocation;
use super::super::status::{Failure, Reason};
use super::super::writes::Terms;
use crate::directory::{Entry, Principal};
use crate::engine::Changes;
use crate::env::Rng;
use crate::session::{Key, Liveness, Partition, SecretHash, Session, SessionView};

impl Handler {
    pub(super) async fn list_sessions(
        &self,
        request: pb::ListSessionsRequest,
        deadline: Deadline,
    ) -> Result<pb::ListSessionsResponse, Failure> {
        check(&request.namespace, &request.principal)?;
        let now_ms = self.engine.trusted_wall_ms()?;
        let principal = self.principal(&request.namespace, &request.principal).await?;
        let sessions_max = self.records.policy(&request.namespace).await?.sessions_max();
        let ended = principal.settle(sessions_max, now_ms);
        if !ended.change_sets.is_empty() {
            self.settle(&request.namespace, &request.principal, ended).await;
        }
        let mut sessions = Vec::new();
        for entry in principal.newest_first(now_ms) {
            sessions.extend(self.summary(&request, &principal, entry, now_ms, deadline).await?);
        }
        Ok(pb::ListSessionsResponse { sessions })
    }

    /// The line of a session; none if it is over or is another principal's by now.
    async fn summary(
        &self,
        request: &pb::ListSessionsRequest,
        principal: &Principal,
        entry: &Entry,
        now_ms: u64,
        deadline: Deadline,
    ) -> Result<Option<pb::SessionSummary>, Failure> {
        let mut summary = pb::SessionSummary {
            session_ref: bytes::Bytes::copy_from_slice(&entry.key.0),
            login_at_ms: entry.login_ms,
            absolute_deadline_ms: entry.deadline_ms,
            region: entry.region.to_string(),
            device: entry.device.to_string(),
            ..pb::SessionSummary::default()
        };
        let shown = SecretHash::FIRST;
        let target = Target { key: entry.key, partition: self.engine.partition(&entry.key), shown };
        let wait = deadline.left_to_wait(&*self.env.clock);
        let Ok(state) = self.find(target, wait).await else { return Ok(Some(summary)) };
        let Some(state) = state else { return Ok(None) };
        let view = SessionView::open(&state, &self.decode_limits)?;
        if view.liveness(now_ms) != Liveness::Live {
            return Ok(None);
        }
        (summary.created_at_ms, summary.last_seen_ms) = (view.created().wall_ms(), view.last_seen_ms());
        let auth = view.login()?.filter(|auth| *auth.principal == *request.principal);
        let Some(auth) = auth else { return Ok(None) };
        let policy = self.records.policy(&request.namespace).await?;
        if principal.ended(&entry.key, &auth, policy.sessions_max(), now_ms).is_some() {
            return Ok(None);
        }
        summary.level = auth.level;
        Ok(Some(summary))
    }

    /// A session's state, here or merged from other replicas; none if nobody holds it.
    pub(super) async fn find(&self, target: Target, wait: Duration) -> Result<Option<bytes::Bytes>, Failure> {
        if self.router.is_here(target.partition) {
            return Ok(self.engine.read(target.key).await?.map(|record| record.state));
        }
        let level = session_pb::Consistency::LocalQuorum;
        let fetched = self.replication.fetch(target.key, level, wait).await;
        let fetched =
            fetched.map_err(|short| Failure::new(Reason::ReadConsistencyNotReached, short.to_string()))?;
        let states = fetched.iter().filter_map(|fetched| fetched.state.as_ref());
        Ok(Session::merged(states, &self.decode_limits)?.map(|session| session.encode()))
    }

    pub(super) async fn end_session(
        &self,
        request: pb::EndSessionRequest,
        deadline: Deadline,
    ) -> Result<pb::EndSessionResponse, Failure> {
        check(&request.namespace, &request.principal)?;
        check_reason(&request.reason)?;
        let now_ms = self.engine.trusted_wall_ms()?;
        let key = <[u8; 16]>::try_from(&request.session_ref[..]).map(Key);
        let key = key.map_err(|_| Failure::field("session_ref", "the 16 bytes that ListSessions gives"))?;
        let principal = self.principal(&request.namespace, &request.principal).await?;
        if principal.newest_first(now_ms).all(|entry| entry.key != key) {
            return Err(Failure::not_found());
        }
        let policy = self.records.policy(&request.namespace).await?;
        let changes = principal.end(&key, &request.reason, policy.sessions_max(), now_ms);
        let of = (&*request.namespace, &*request.principal);
        let receipt = self.end(of, changes, request.options, request.wait, deadline).await?;
        Ok(pb::EndSessionResponse { replica_id: self.replica_id(), receipt: Some(receipt) })
    }

    pub(super) async fn end_all_sessions(
        &self,
        request: pb::EndAllSessionsRequest,
        deadline: Deadline,
    ) -> Result<pb::EndAllSessionsResponse, Failure> {
        check(&request.namespace, &request.principal)?;
        let kept = match &request.keep_session_id[..] {
            "" => None,
            id => Some(self.own_session(&request, id, deadline).await?),
        };
        let logout = self.env.rng.with(|rng| rng.random());
        // One whose list cannot be read now is logged out none the less.
        let principal = self.principal(&request.namespace, &request.principal).await.unwrap_or_default();
        let changes = principal.log_out_everywhere(logout, kept.as_ref());
        let of = (&*request.namespace, &*request.principal);
        let receipt = self.end(of, changes, request.options, request.wait, deadline).await?;
        Ok(pb::EndAllSessionsResponse { replica_id: self.replica_id(), receipt: Some(receipt) })
    }

    /// Ends sessions by a change of their principal.
    async fn end(
        &self,
        (namespace, principal): (&str, &str),
        changes: Changes,
        options: Option<session_pb::WriteOptions>,
        wait: Option<session_pb::ReceiptWait>,
        deadline: Deadline,
    ) -> Result<session_pb::Receipt, Failure> {
        let partition = Partition::global(self.partition_count);
        let awaited = self.awaited(wait, partition)?;
        let options = self.write_options(namespace, options).await?;
        let terms = Terms { options, limits: None, receipt: true };
        let committed = self.change_principal(namespace, principal, changes, terms, deadline).await?;
        Ok(self.receipt_of(partition, &committed, &awaited, deadline).await)
    }

    pub(super) async fn principal_receipt(
        &self,
        request: pb::ReceiptRequest,
        deadline: Deadline,
    ) -> Result<pb::ReceiptResponse, Failure> {
        let partition = Partition::global(self.partition_count);
        let vector = revocation(&request.token, partition)?;
        let awaited = self.awaited(request.wait, partition)?;
        let receipt = self.receipt_by(partition, &vector, &awaited, deadline).await;
        Ok(pb::ReceiptResponse { receipt: Some(receipt) })
    }

    /// A live session of the principal, which the call is to spare.
    async fn own_session(
        &self,
        request: &pb::EndAllSessionsRequest,
        id: &str,
        deadline: Deadline,
    ) -> Result<Key, Failure> {
        let target = self.target(&request.namespace, id)?;
        let causal_token = request.options.as_ref().map(|options| options.causal_token.clone());
        let options =
            session_pb::ReadOptions { causal_token: causal_token.unwrap_or_default(), ..Default::default() };
        let (namespace, session_id) = (request.namespace.clone(), id.to_owned());
        let get = session_pb::GetRequest { namespace, session_id, options: Some(options) };
        let found = match self.dispatch_one(Call::Get(get), deadline, Hop::First).await? {
            Reply::Get(found) => found.session.and_then(|session| session.auth),
            Reply::Error(error) => return Err(Failure::from(error)),
            _ => None,
        };
        if found.is_some_and(|auth| auth.principal == request.principal) {
            return Ok(target.key);
        }
        Err(Failure::field("keep_session_id", "a live session of this principal"))
    }
}

fn check(namespace: &str, principal: &str) -> Result<(), Failure> {
    check_namespace(namespace)?;
    check_principal(principal)
}
