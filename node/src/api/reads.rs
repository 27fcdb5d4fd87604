//! Reads: from this replica's memory, or merged with what others hold.

use bytes::Bytes;
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::pipeline_reply::Reply;

use super::causal::CausalToken;
use super::convert;
use super::deadline::Deadline;
use super::directory::{facts, reads_one};
use super::handler::{Handler, Target};
use super::levels::read_consistency;
use super::rotations::rotated;
use super::staleness::is_asked;
use super::status::{Failure, Reason};
use crate::directory::Policy;
use crate::engine::{EngineError, Record, StepError};
use crate::session::{AuthBlock, IdVerdict, Liveness, SessionView, VersionVector};

/// What a caller sees of a live session.
pub(super) struct Shown {
    pub(super) session: pb::Session,
    /// By an id that is accepted only for a grace.
    id_replaced: bool,
}

/// A session that is live by its own record, and the time by which it was judged.
struct Live {
    shown: Shown,
    auth: Option<AuthBlock>,
    now_ms: u64,
}

impl Handler {
    /// A read of one replica that is answered from memory, or `None`.
    pub(super) fn get_now(&self, request: &pb::GetRequest) -> Option<Reply> {
        let options = request.options.as_ref();
        if options.is_some_and(|options| !options.causal_token.is_empty() || is_asked(options)) {
            return None;
        }
        let target = self.target(&request.namespace, &request.session_id).ok()?;
        if !self.router.is_here(target.partition) {
            return None;
        }
        let policy = self.records.policy_now(&request.namespace)?.ok()?;
        if !reads_one(options.map_or(0, |options| options.consistency), &policy) {
            return None;
        }
        let record = self.engine.read_now(target.key)?;
        if record.as_ref().is_some_and(|record| self.is_partial(record)) {
            return None;
        }
        let answer = match self.show_now(record.as_ref().map(|record| &record.state), target, &policy)? {
            Ok(shown) => Ok(self.answer(shown, record.map(|record| record.vector), target)),
            Err(failure) => Err(failure),
        };
        self.counters.add_reads(1);
        Some(answer.map_or_else(|failure| Reply::Error(failure.into_error()), Reply::Get))
    }

    /// A read at any level.
    pub(super) async fn get(
        &self,
        request: pb::GetRequest,
        target: Target,
        deadline: Deadline,
    ) -> Result<pb::GetResponse, Failure> {
        let options = self.read_options(&request.namespace, request.options).await?;
        let level = read_consistency(options.consistency)?;
        self.wait_for_token(&options.causal_token, target, deadline).await?;
        self.counters.add_reads(1);
        let freshness = self.freshness(&options, target);
        if level != pb::Consistency::LocalOne {
            self.gather(target, level, deadline).await?;
        }
        let record = self.whole(target, deadline).await?;
        let Some(record) = record else { return Err(Failure::not_found()) };
        let shown = self.show(&record.state, target).await?;
        let staleness = freshness.map(|freshness| self.staleness(freshness, &shown.session)).transpose()?;
        let mut answer = self.answer(shown, Some(record.vector), target);
        answer.revocations_staleness = staleness.unwrap_or_default();
        Ok(answer)
    }

    /// A record, fetched first if this replica has only a part of it.
    pub(super) async fn whole(&self, target: Target, deadline: Deadline) -> Result<Option<Record>, Failure> {
        let held = self.engine.read(target.key).await;
        let is_partial = match &held {
            Ok(record) => record.as_ref().is_some_and(|record| self.is_partial(record)),
            Err(error) => matches!(error, EngineError::Refused(StepError::Partial)),
        };
        if !is_partial {
            return Ok(held?);
        }
        self.complete(target, deadline).await?;
        Ok(self.engine.read(target.key).await?)
    }

    fn answer(&self, shown: Shown, vector: Option<VersionVector>, target: Target) -> pb::GetResponse {
        let causal_token = CausalToken::encode(target.partition, &vector.unwrap_or_default());
        let (Shown { session, id_replaced }, replica_id) = (shown, self.replica_id());
        let (session, revocations_staleness) = (Some(session), Vec::new());
        pb::GetResponse { session, causal_token, replica_id, id_replaced, revocations_staleness }
    }

    /// The message for an encoded state, if it is live; `None` if the disk must be asked
    /// first, or the use of an old id noted.
    fn show_now(
        &self,
        state: Option<&Bytes>,
        target: Target,
        policy: &Policy,
    ) -> Option<Result<Shown, Failure>> {
        let Some(state) = state else { return Some(Err(Failure::not_found())) };
        let Live { mut shown, auth, now_ms } = match self.live(state, target) {
            Ok(live) => live,
            Err(failure) if failure.reason() == Reason::SessionRotated => return None,
            Err(failure) => return Some(Err(failure)),
        };
        let stands = self.stands_now(&facts(target, &shown.session, auth.as_ref()), policy, now_ms)?;
        Some(stands.map(|tightened_ms| {
            tighten(&mut shown.session, tightened_ms);
            shown
        }))
    }

    /// The message for an encoded state, if it is live.
    pub(super) async fn show(&self, state: &Bytes, target: Target) -> Result<Shown, Failure> {
        let Live { mut shown, auth, now_ms } = match self.live(state, target) {
            Ok(live) => live,
            Err(failure) => {
                if failure.reason() == Reason::SessionRotated {
                    self.note_replay(target).await;
                }
                return Err(failure);
            }
        };
        let stands = self.stands(&facts(target, &shown.session, auth.as_ref()), now_ms).await;
        tighten(&mut shown.session, stands?);
        Ok(shown)
    }

    fn live(&self, state: &Bytes, target: Target) -> Result<Live, Failure> {
        let now_ms = self.engine.trusted_wall_ms()?;
        let view = SessionView::open(state, &self.decode_limits)?;
        match view.liveness(now_ms) {
            Liveness::Live => {
                let id_replaced = match view.judge_id(&target.shown, now_ms) {
                    IdVerdict::Current => false,
                    IdVerdict::Alias => true,
                    IdVerdict::Replaced if planted!(ReplacedIdIsRead) => true,
                    IdVerdict::Replaced => return Err(rotated(view.ids())),
                    IdVerdict::Unknown => return Err(Failure::not_found()),
                };
                let (mut session, auth) = convert::session(view)?;
                session.feed_key = Bytes::copy_from_slice(&target.key.0);
                Ok(Live { shown: Shown { session, id_replaced }, auth, now_ms })
            }
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

fn tighten(session: &mut pb::Session, ends_ms: Option<u64>) {
    session.expires_at_ms =
        ends_ms.map_or(session.expires_at_ms, |ends_ms| session.expires_at_ms.min(ends_ms));
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
