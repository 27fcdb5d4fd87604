//! Whether a session is live by what is said of it outside: its principal's
//! logouts, and a policy that tightens at once.

use std::sync::Arc;

use bytes::Bytes;
use sojourn_proto::session::v1 as pb;

use super::super::deadline::Deadline;
use super::super::handler::{Handler, Target};
use super::super::status::{Failure, Reason};
use crate::directory::{Ended, Policy, Principal};
use crate::session::{AuthBlock, Liveness, SessionLimits, SessionView};

/// What a session's record says that matters outside of it.
pub(in crate::api) struct Facts<'a> {
    pub(in crate::api) target: Target,
    pub(in crate::api) namespace: &'a str,
    pub(in crate::api) auth: Option<&'a AuthBlock>,
    pub(in crate::api) created_ms: u64,
    pub(in crate::api) last_seen_ms: u64,
}

impl<'a> Facts<'a> {
    /// Whose the session is, if anybody's.
    fn principal(&self) -> Option<&'a str> {
        self.auth.map(|auth| &*auth.principal).filter(|principal| !principal.is_empty())
    }
}

/// The facts of a record that is shown.
pub(in crate::api) fn facts<'a>(
    target: Target,
    session: &'a pb::Session,
    auth: Option<&'a AuthBlock>,
) -> Facts<'a> {
    Facts {
        target,
        namespace: &session.namespace,
        auth,
        created_ms: session.created_at_ms,
        last_seen_ms: session.last_seen_ms,
    }
}

/// What a writer must know of the session before it changes it.
pub(in crate::api) struct Standing {
    /// What the session may hold, by its policy.
    pub(in crate::api) limits: Arc<SessionLimits>,
    /// Its login, if it is live and has one.
    pub(in crate::api) auth: Option<AuthBlock>,
    /// Its absolute deadline, in milliseconds since the Unix epoch.
    pub(in crate::api) deadline_ms: u64,
}

impl Handler {
    /// When a policy lets a session end earlier than it says itself, if all that must be
    /// known is in memory; a failure if it has ended.
    pub(in crate::api) fn stands_now(
        &self,
        facts: &Facts<'_>,
        policy: &Policy,
        now_ms: u64,
    ) -> Option<Result<Option<u64>, Failure>> {
        let principal = match facts.principal() {
            Some(principal) => match self.records.principal_now(facts.namespace, principal, now_ms)? {
                Ok(principal) => principal,
                Err(error) => return Some(Err(error.into())),
            },
            None => Arc::default(),
        };
        match judge(facts, policy, &principal, now_ms) {
            // It is yet to end for good.
            Err(Over::Ended(Ended::BySessionsMax)) => None,
            judged => Some(judged.map_err(Failure::from)),
        }
    }

    /// As [`Self::stands_now`], also if the disk must be asked.
    pub(in crate::api) async fn stands(
        &self,
        facts: &Facts<'_>,
        now_ms: u64,
    ) -> Result<Option<u64>, Failure> {
        let policy = self.records.policy(facts.namespace).await?;
        self.stands_by(facts, &policy, now_ms).await
    }

    async fn stands_by(
        &self,
        facts: &Facts<'_>,
        policy: &Policy,
        now_ms: u64,
    ) -> Result<Option<u64>, Failure> {
        let principal = match facts.principal() {
            Some(principal) => self.records.principal(facts.namespace, principal, now_ms).await?,
            None => Arc::default(),
        };
        let judged = judge(facts, policy, &principal, now_ms);
        if let (Err(Over::Ended(Ended::BySessionsMax)), Some(name)) = (&judged, facts.principal()) {
            let changes = principal.settle(policy.sessions_max(), now_ms);
            self.settle(facts.namespace, name, changes).await;
        }
        judged.map_err(Failure::from)
    }

    /// Whether a session may be served, by its record and by what is said of it outside.
    pub(in crate::api) async fn is_live(
        &self,
        target: Target,
        state: &Bytes,
        now_ms: u64,
    ) -> Result<bool, Failure> {
        let view = SessionView::open(state, &self.decode_limits)?;
        if view.liveness(now_ms) != Liveness::Live {
            return Ok(false);
        }
        let (namespace, created_ms, last_seen_ms) =
            (view.namespace(), view.created().wall_ms(), view.last_seen_ms());
        let auth = view.login()?;
        let facts = Facts { target, namespace, auth: auth.as_ref(), created_ms, last_seen_ms };
        match self.stands(&facts, now_ms).await {
            Ok(_) => Ok(true),
            Err(failure) if matches!(failure.reason(), Reason::SessionRevoked | Reason::SessionNotFound) => {
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }

    /// What is to be known of a session before it is changed. One that is not held or
    /// over is left to the engine to refuse.
    ///
    /// # Errors
    /// It was ended from outside, or the id shown is not, or no more, its id.
    pub(in crate::api) async fn standing(
        &self,
        namespace: &str,
        target: Target,
        causal_token: &[u8],
        deadline: Deadline,
    ) -> Result<Standing, Failure> {
        // The id shown may be one that this replica has yet to hear of.
        self.wait_for_token(causal_token, target, deadline).await?;
        let now_ms = self.engine.trusted_wall_ms()?;
        let policy = self.records.policy(namespace).await?;
        let mut standing =
            Standing { limits: Arc::new(policy.limits(&self.limits)), auth: None, deadline_ms: 0 };
        let Some(record) = self.whole(target, deadline).await? else { return Ok(standing) };
        let view = SessionView::open(&record.state, &self.decode_limits)?;
        if view.liveness(now_ms) != Liveness::Live {
            return Ok(standing);
        }
        self.check_id(view.ids(), target, now_ms).await?;
        let (created_ms, last_seen_ms) = (view.created().wall_ms(), view.last_seen_ms());
        standing.deadline_ms = view.absolute_deadline_ms();
        standing.auth = view.login()?;
        let facts = Facts { target, namespace, auth: standing.auth.as_ref(), created_ms, last_seen_ms };
        self.stands_by(&facts, &policy, now_ms).await?;
        Ok(standing)
    }
}

/// Why a session that is live by its own record is over.
enum Over {
    /// By a policy that tightens at once.
    Lapsed,
    Ended(Ended),
}

impl From<Over> for Failure {
    fn from(over: Over) -> Self {
        let Over::Ended(ended) = over else { return Self::not_found() };
        let failure = Self::new(Reason::SessionRevoked, "the session was ended by its principal");
        match ended {
            Ended::Everywhere => failure.with("revoke_reason", "everywhere"),
            Ended::ByName { reason } => failure.with("revoke_reason", reason),
            Ended::BySessionsMax => failure.with("revoke_reason", "sessions_max"),
        }
    }
}

fn judge(
    facts: &Facts<'_>,
    policy: &Policy,
    principal: &Principal,
    now_ms: u64,
) -> Result<Option<u64>, Over> {
    let tightened_ms = policy.tightened_ms(facts.created_ms, facts.last_seen_ms);
    if tightened_ms.is_some_and(|ends_ms| now_ms >= ends_ms) {
        return Err(Over::Lapsed);
    }
    let ended =
        facts.auth.and_then(|auth| principal.ended(&facts.target.key, auth, policy.sessions_max(), now_ms));
    ended.map_or(Ok(tightened_ms), |ended| Err(Over::Ended(ended)))
}
