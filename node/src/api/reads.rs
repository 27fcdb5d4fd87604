//! Reads: from this replica's memory, or merged with what others hold.

use crdts::CvRDT;
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::pipeline_reply::Reply;

use super::causal::CausalToken;
use super::convert;
use super::deadline::Deadline;
use super::handler::{Handler, Target};
use super::levels::read_consistency;
use super::status::{Failure, Reason};
use crate::engine::{EngineError, Record};
use crate::session::{Liveness, SessionView, VersionVector};

impl Handler {
    /// A read of one replica that is answered from memory, or `None`.
    pub(super) fn get_now(&self, request: &pb::GetRequest) -> Option<Reply> {
        let plain = request.options.as_ref().is_none_or(|options| {
            let one = [pb::Consistency::Unspecified as i32, pb::Consistency::LocalOne as i32];
            one.contains(&options.consistency) && options.causal_token.is_empty()
        });
        let target = self.target(&request.namespace, &request.session_id).ok()?;
        if !plain || !self.router.is_here(target.partition) {
            return None;
        }
        let record = self.engine.read_now(target.key)?;
        if record.as_ref().is_some_and(|record| self.is_partial(record)) {
            return None;
        }
        self.counters.add_reads(1);
        let answer = self.found(record, target);
        Some(answer.map_or_else(|failure| Reply::Error(failure.into_error()), Reply::Get))
    }

    /// A read at any level.
    pub(super) async fn get(
        &self,
        request: pb::GetRequest,
        target: Target,
        deadline: Deadline,
    ) -> Result<pb::GetResponse, Failure> {
        let options = request.options.unwrap_or_default();
        let level = read_consistency(options.consistency)?;
        self.wait_for_token(&options.causal_token, target, deadline).await?;
        self.counters.add_reads(1);
        let mut seen = VersionVector::new();
        if level != pb::Consistency::LocalOne {
            seen = self.gather(target, level, deadline).await?;
        }
        let mut read = self.engine.read(target.key).await;
        let is_partial = match &read {
            Ok(record) => record.as_ref().is_some_and(|record| self.is_partial(record)),
            Err(error) => matches!(error, EngineError::Partial),
        };
        if is_partial {
            self.complete(target, deadline).await?;
            read = self.engine.read(target.key).await;
        }
        let mut record = read?;
        if let Some(record) = &mut record {
            // The token names what the others hold too, since their states are in the answer.
            record.vector.merge(seen);
        }
        self.found(record, target)
    }

    /// Judges a record and shows it if it is live.
    fn found(&self, record: Option<Record>, target: Target) -> Result<pb::GetResponse, Failure> {
        let Some(record) = record else { return Err(Failure::not_found()) };
        let session = self.show(&record.state)?;
        let causal_token = CausalToken::encode(target.partition, &record.vector);
        Ok(pb::GetResponse { session: Some(session), causal_token, replica_id: self.replica_id() })
    }

    /// The message for an encoded state, if it is live.
    pub(super) fn show(&self, state: &bytes::Bytes) -> Result<pb::Session, Failure> {
        let view = SessionView::open(state, &self.decode_limits)?;
        match view.liveness(self.engine.trusted_wall_ms()?) {
            Liveness::Live => Ok(convert::session(view)?),
            Liveness::Expired => Err(Failure::not_found()),
            Liveness::Revoked => Err(revoked(&view)),
            Liveness::Partial => Err(Failure::incomplete()),
        }
    }

    fn is_partial(&self, record: &Record) -> bool {
        let now_ms = self.env.clock.wall_ms();
        SessionView::open(&record.state, &self.decode_limits)
            .is_ok_and(|view| view.liveness(now_ms) == Liveness::Partial)
    }
}

pub(super) fn revoked(view: &SessionView<'_>) -> Failure {
    let failure = Failure::new(Reason::SessionRevoked, "the session was revoked");
    match view.revocation() {
        Some(revocation) => failure
            .with("revoked_at_ms", revocation.stamp.wall_ms())
            .with("revoke_reason", &revocation.reason),
        None => failure,
    }
}
