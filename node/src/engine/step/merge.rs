//! PURE. A session as it was exported comes back.

use super::super::check::check_state;
use super::super::command::Reply;
use super::super::plausible::{self, Own, newest_hlc};
use super::{Step, StepContext, StepError};
use crate::session::{Liveness, Session};

/// Merges a whole state, whose fragment is that state: replicas that lack the writes in
/// it get them in no other way.
pub(super) fn merge(
    held: Option<Session>,
    brought: &Session,
    ctx: &StepContext<'_>,
) -> Result<Step, StepError> {
    check(brought, ctx)?;
    let mut state = match held {
        None => return done(brought.clone(), Some(brought.clone()), ctx),
        Some(held) => held,
    };
    match state.liveness(ctx.now_ms) {
        Liveness::Revoked => return Err(StepError::Revoked),
        Liveness::Partial => return Err(StepError::Partial),
        Liveness::Live | Liveness::Expired => {}
    }
    // What two clusters have each made of one id is not one session.
    if state.birth.created.origin.is_foreign() != brought.birth.created.origin.is_foreign() {
        return Err(StepError::AlreadyExists);
    }
    let before = state.clone();
    state.merge(brought.clone());
    let fragment = (state != before).then(|| brought.clone());
    done(state, fragment, ctx)
}

fn done(state: Session, fragment: Option<Session>, ctx: &StepContext<'_>) -> Result<Step, StepError> {
    if state.liveness(ctx.now_ms) != Liveness::Live {
        return Err(StepError::Expired);
    }
    if let Some(body) = state.body() {
        check_state(body, ctx.limits)?;
    }
    Ok(Step { state, fragment, reply: Reply::Merged })
}

fn check(brought: &Session, ctx: &StepContext<'_>) -> Result<(), StepError> {
    let refused = |detail: String| StepError::InvalidArgument { field: "state", detail };
    if brought.body().is_none() || !brought.complete {
        return Err(refused("must be a whole live session".into()));
    }
    let own = Own { origin: ctx.dot.origin, seq: ctx.dot.seq.saturating_sub(1) };
    plausible::check_state(brought, own).map_err(|implausible| refused(implausible.to_string()))?;
    // Other nodes would hold it back until it is due.
    if newest_hlc(brought) > ctx.stamp.hlc {
        return Err(refused("is stamped ahead of this node's clock".into()));
    }
    Ok(())
}
