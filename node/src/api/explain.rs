//! `sojourn.feed.v1.ExplainService`: how a session came to be as it is.

use std::sync::Arc;

use bytes::Bytes;
use sojourn_proto::feed::v1 as pb;
use sojourn_proto::feed::v1::explain_service_server::ExplainService;
use tonic::{Request, Response, Status};

use super::deadline;
use super::directory::Facts;
use super::handler::{Handler, Target};
use super::status::{Failure, Reason};
use crate::feed::{
    KnownWrite, Verdict, WriteKind, additions, end_by_principal, explain, explain_ended, journal, sort,
};
use crate::membership::Membership;
use crate::session::{Dot, Liveness, ReplicaId, Session};

/// The service.
pub(super) struct Explanations {
    handler: Arc<Handler>,
}

/// What a replica answered.
enum Answer {
    Holds(Bytes),
    HoldsNothing,
    None,
}

impl Explanations {
    #[must_use]
    pub(super) fn new(handler: Arc<Handler>) -> Self {
        Self { handler }
    }

    async fn explain(&self, request: pb::ExplainRequest) -> Result<pb::ExplainResponse, Failure> {
        let handler = &self.handler;
        let target = handler.target(&request.namespace, &request.session_id)?;
        let answers = handler.ask_replicas(target).await;
        let merged = handler.merged(&answers)?;
        // Of one that has ended nothing of its ids is known.
        if let Some(body) = merged.body().filter(|_| !merged.has_ended()) {
            handler.check_id(&body.ids, target, handler.engine.trusted_wall_ms()?).await?;
        }
        let (stands, end) = handler.stands_all_told(target, &merged).await?;
        let mut writes = handler.writes(target, &merged).await;
        writes.extend(end);
        let state = merged.encode();
        let membership = handler.router.membership();
        let compared = |(replica, answer): &(ReplicaId, Answer)| pb::ReplicaState {
            replica_id: replica.0.into(),
            name: named(&membership, *replica).0,
            region: named(&membership, *replica).1,
            comparison: match answer {
                Answer::Holds(held) if *held == state => pb::Comparison::Equal,
                Answer::Holds(_) => pb::Comparison::Behind,
                Answer::HoldsNothing => pb::Comparison::Missing,
                Answer::None => pb::Comparison::Unreachable,
            }
            .into(),
        };
        Ok(pb::ExplainResponse {
            key: Bytes::copy_from_slice(&target.key.0),
            partition: target.partition.0.into(),
            created_at_ms: merged.birth.created.wall_ms(),
            absolute_deadline_ms: merged.birth.absolute_deadline_ms,
            expires_at_ms: merged.expires_at_ms(),
            liveness: liveness(stands).into(),
            writes: writes.iter().map(|it| message(it, &membership)).collect(),
            replicas: answers.iter().map(compared).collect(),
        })
    }
}

impl Handler {
    /// Whether a session may be used, by its record and by what is said of it outside, and
    /// what ended it there.
    async fn stands_all_told(
        &self,
        target: Target,
        session: &Session,
    ) -> Result<(Liveness, Option<KnownWrite>), Failure> {
        let now_ms = self.engine.trusted_wall_ms()?;
        let liveness = session.liveness(now_ms);
        let Some(body) = session.body().filter(|_| liveness == Liveness::Live) else {
            return Ok((liveness, None));
        };
        let facts = Facts {
            target,
            namespace: &session.birth.namespace,
            auth: body.auth.lowest_privilege().and_then(|write| write.value.as_ref()),
            created_ms: session.birth.created.wall_ms(),
            last_seen_ms: body.last_seen_ms,
        };
        match self.stands(&facts, now_ms).await {
            Ok(_) => Ok((liveness, None)),
            Err(failure) => match (failure.reason(), failure.fact("revoke_reason")) {
                (Reason::SessionRevoked, Some(reason)) => {
                    Ok((Liveness::Revoked, Some(end_by_principal(reason))))
                }
                (Reason::SessionNotFound, _) => Ok((Liveness::Expired, None)),
                _ => Err(failure),
            },
        }
    }

    /// What each replica of a session has, this node's own among them, by replica id.
    async fn ask_replicas(&self, target: Target) -> Vec<(ReplicaId, Answer)> {
        let mut answers = Vec::new();
        if self.router.is_here(target.partition) {
            let record = self.engine.read(target.key).await.ok().flatten();
            let answer = record.map_or(Answer::HoldsNothing, |record| Answer::Holds(record.state));
            answers.push((self.router.own(), answer));
        }
        for (replica, fetched) in self.replication.fetch_each(target.key).await {
            let answer = match fetched {
                Some(fetched) => fetched.state.map_or(Answer::HoldsNothing, Answer::Holds),
                None => Answer::None,
            };
            answers.push((replica, answer));
        }
        answers.sort_by_key(|(replica, _)| *replica);
        answers
    }

    /// The known writes: what the state tells, what this node remembers of it before it
    /// ended, and what its log has of writes that gave way.
    async fn writes(&self, target: Target, session: &Session) -> Vec<KnownWrite> {
        let decode = |state: &Bytes| Session::decode(state, &self.decode_limits).ok();
        let before = self.engine.final_state(&target.key).as_ref().and_then(decode);
        let mut writes = match &before {
            Some(before) => explain_ended(session, before),
            None => explain(session),
        };
        let entries = self.engine.journal(target.key).await;
        let entries: Vec<(Dot, Session)> =
            entries.iter().filter_map(|entry| Some((entry.dot(), decode(&entry.fragment)?))).collect();
        writes.extend(journal(session, before.as_ref(), &entries, &writes));
        writes.extend(additions(session, entries));
        sort(&mut writes);
        writes
    }

    /// All that the replicas hold together.
    fn merged(&self, answers: &[(ReplicaId, Answer)]) -> Result<Session, Failure> {
        let held = answers.iter().filter_map(|(_, answer)| match answer {
            Answer::Holds(state) => Some(state),
            Answer::HoldsNothing | Answer::None => None,
        });
        let merged = Session::merged(held, &self.decode_limits)?;
        let is_certain = answers.iter().any(|(_, answer)| !matches!(answer, Answer::None));
        merged.ok_or_else(|| {
            if is_certain {
                return Failure::not_found();
            }
            Failure::new(Reason::NoReplica, "no replica of the session's partition could be reached")
        })
    }
}

fn named(membership: &Membership, replica: ReplicaId) -> (String, String) {
    let node = membership.nodes.get(&replica);
    node.map(|node| (node.name.clone(), node.region.clone())).unwrap_or_default()
}

fn message(write: &KnownWrite, membership: &Membership) -> pb::KnownWrite {
    let (replica_name, region) = write.origin.map(|it| named(membership, it.replica)).unwrap_or_default();
    pb::KnownWrite {
        kind: kind(write.kind).into(),
        name: (*write.name).to_owned(),
        replica_id: write.origin.map_or(0, |origin| origin.replica.0.into()),
        replica_name,
        region,
        incarnation: write.origin.map_or(0, |origin| origin.incarnation),
        seq: write.seq,
        at_ms: write.at_ms,
        verdict: verdict(write.verdict).into(),
        size: write.size,
        amount: write.amount,
    }
}

fn liveness(liveness: Liveness) -> pb::Liveness {
    match liveness {
        Liveness::Live => pb::Liveness::Live,
        Liveness::Partial => pb::Liveness::Partial,
        Liveness::Expired => pb::Liveness::Expired,
        Liveness::Revoked => pb::Liveness::Revoked,
    }
}

fn kind(kind: WriteKind) -> pb::WriteKind {
    match kind {
        WriteKind::Create => pb::WriteKind::Create,
        WriteKind::SetAttribute => pb::WriteKind::SetAttribute,
        WriteKind::RemoveAttribute => pb::WriteKind::RemoveAttribute,
        WriteKind::Login => pb::WriteKind::Login,
        WriteKind::Counter => pb::WriteKind::Counter,
        WriteKind::Set => pb::WriteKind::Set,
        WriteKind::Touch => pb::WriteKind::Touch,
        WriteKind::Rotate => pb::WriteKind::Rotate,
        WriteKind::RotateWithoutGrace => pb::WriteKind::RotateWithoutGrace,
        WriteKind::Replay => pb::WriteKind::Replay,
        WriteKind::Revoke => pb::WriteKind::Revoke,
        WriteKind::Lapse => pb::WriteKind::Lapse,
        WriteKind::EndByPrincipal => pb::WriteKind::EndByPrincipal,
    }
}

fn verdict(verdict: Verdict) -> pb::Verdict {
    match verdict {
        Verdict::Holds => pb::Verdict::Holds,
        Verdict::HoldsHigherStamp => pb::Verdict::HoldsHigherStamp,
        Verdict::HoldsOverRemoval => pb::Verdict::HoldsOverRemoval,
        Verdict::HoldsLowerPrivilege => pb::Verdict::HoldsLowerPrivilege,
        Verdict::HoldsFirstLogin => pb::Verdict::HoldsFirstLogin,
        Verdict::HoldsWithoutGrace => pb::Verdict::HoldsWithoutGrace,
        Verdict::LostToRotationWithoutGrace => pb::Verdict::LostToRotationWithoutGrace,
        Verdict::LostLowerStamp => pb::Verdict::LostLowerStamp,
        Verdict::LostRemoval => pb::Verdict::LostRemoval,
        Verdict::LostHigherPrivilege => pb::Verdict::LostHigherPrivilege,
        Verdict::LostLaterLogin => pb::Verdict::LostLaterLogin,
        Verdict::Counts => pb::Verdict::Counts,
        Verdict::LostToEnd => pb::Verdict::LostToEnd,
        Verdict::Replaced => pb::Verdict::Replaced,
    }
}

#[tonic::async_trait]
impl ExplainService for Explanations {
    async fn explain(
        &self,
        request: Request<pb::ExplainRequest>,
    ) -> Result<Response<pb::ExplainResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let timeout = deadline::timeout(&metadata)?;
        let explained = self.handler.admitted(timeout, |_| Self::explain(self, message)).await;
        explained.map(Response::new).map_err(Failure::into_status)
    }
}
