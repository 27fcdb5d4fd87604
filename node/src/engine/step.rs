//! PURE. One command on one session: the new state, and the fragment to send.

use std::collections::BTreeMap;

use crate::session::{
    AuthBlock, Birth, Body, Counter, Dot, IdVerdict, Liveness, Members, Name, Presence, Register, Replays,
    Revocation, Root, SecretHash, Session, SessionLimits, Stamp,
};

use super::check::{check_auth, check_changes, check_create, check_grace, check_state};
use super::command::{Changes, Command, Create, Expectation, Reply, Rotate, SetChange, Update};
use merge::merge;

/// A touch is passed over unless it moves the idle deadline by more than this share of the idle time-out.
const TOUCH_SHARE: u64 = 20;

/// What a step takes from outside: the only write's name and time, and the limits.
#[derive(Debug, Clone, Copy)]
pub struct StepContext<'a> {
    /// Names everything this step changes.
    pub dot: Dot,
    /// Orders it.
    pub stamp: Stamp,
    /// The wall clock, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// The id that the caller shows, once its first part has found the session.
    pub shown: SecretHash,
    /// What a session may hold.
    pub limits: &'a SessionLimits,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The session after it.
    pub state: Session,
    /// What changed; none if nothing did.
    pub fragment: Option<Session>,
    /// The answer.
    pub reply: Reply,
}

/// Why a command was refused; the session stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// There is no session to change.
    #[error("session not found")]
    NotFound,
    /// A deadline has passed.
    #[error("session expired")]
    Expired,
    /// It was ended; its id is never used again.
    #[error("session revoked")]
    Revoked,
    /// The id shown was replaced, and is accepted no more.
    #[error("session id was replaced")]
    Rotated,
    /// The id shown was replaced and is accepted for a while, but not to rotate it again.
    #[error("session id was rotated already")]
    AlreadyRotated,
    /// There is a live one already.
    #[error("session already exists")]
    AlreadyExists,
    /// Only fragments of it are here.
    #[error("session is held only in part")]
    Partial,
    /// The result would be larger than allowed.
    #[error("{field} would be {actual}; at most {limit} is allowed")]
    LimitExceeded {
        /// The limit.
        field: &'static str,
        /// Its value.
        limit: u64,
        /// What it would have been.
        actual: u64,
    },
    /// An attribute does not hold what was expected.
    #[error("expectation {index} does not hold")]
    NotAsExpected {
        /// Which expectation, from 0.
        index: usize,
    },
    /// An argument is out of its range.
    #[error("{field} {detail}")]
    InvalidArgument {
        /// Which.
        field: &'static str,
        /// What is allowed.
        detail: String,
    },
}

/// Applies a command.
///
/// # Errors
/// [`StepError`]; nothing is changed then.
pub fn step(state: Option<Session>, command: &Command, ctx: &StepContext<'_>) -> Result<Step, StepError> {
    match command {
        Command::Create(create) => insert(state.as_ref(), create, ctx),
        Command::Update(update) => change(known(live(state, ctx)?, ctx)?, update, ctx),
        Command::Touch => touch(known(live(state, ctx)?, ctx)?, ctx),
        Command::Rotate(rotate) => self::rotate(live(state, ctx)?, rotate, ctx),
        Command::MarkReplay => mark_replay(live(state, ctx)?, ctx),
        Command::Revoke { reason } => revoke(state, reason, ctx),
        Command::Lapse { last_seen_ms } => lapse(state, *last_seen_ms, ctx),
        Command::Merge(brought) => merge(state, brought, ctx),
    }
}

fn live(state: Option<Session>, ctx: &StepContext<'_>) -> Result<Session, StepError> {
    let state = state.ok_or(StepError::NotFound)?;
    match state.liveness(ctx.now_ms) {
        Liveness::Live => Ok(state),
        Liveness::Partial => Err(StepError::Partial),
        Liveness::Expired if planted!(ExpiredIsUpdated) => Ok(state),
        Liveness::Expired => Err(StepError::Expired),
        Liveness::Revoked => Err(StepError::Revoked),
    }
}

/// Refuses an id that is not, or no more, the session's.
fn known(state: Session, ctx: &StepContext<'_>) -> Result<Session, StepError> {
    match judge_id(&state, ctx) {
        IdVerdict::Current | IdVerdict::Alias => Ok(state),
        IdVerdict::Replaced => Err(StepError::Rotated),
        IdVerdict::Unknown => Err(StepError::NotFound),
    }
}

fn judge_id(state: &Session, ctx: &StepContext<'_>) -> IdVerdict {
    state.body().map_or(IdVerdict::Unknown, |body| body.ids.judge(&ctx.shown, ctx.now_ms))
}

fn rotate(mut state: Session, rotate: &Rotate, ctx: &StepContext<'_>) -> Result<Step, StepError> {
    let reply = Reply::Rotated { secret: rotate.secret };
    let Root::Live(body) = &mut state.root else { return Err(StepError::Revoked) };
    // An earlier attempt has done it, here or elsewhere: nobody else can know this secret.
    if body.ids.current_secret() == rotate.secret && !body.ids.is_empty() {
        return Ok(Step { state, fragment: None, reply });
    }
    match body.ids.judge(&ctx.shown, ctx.now_ms) {
        IdVerdict::Current => {}
        IdVerdict::Alias => return Err(StepError::AlreadyRotated),
        IdVerdict::Replaced => return Err(StepError::Rotated),
        IdVerdict::Unknown => return Err(StepError::NotFound),
    }
    check_grace(rotate.grace_ms)?;
    let mut fragment = changed(body, &rotate.update.changes, ctx)?;
    if rotate.update.touch && moves(body, state.birth.idle_timeout_ms, ctx.now_ms) {
        fragment.last_seen_ms = ctx.now_ms;
    }
    fragment.ids = body.ids.rotate(ctx.dot, ctx.stamp, rotate.secret, rotate.grace_ms, ctx.now_ms);
    body.merge(fragment.clone());
    check_state(body, ctx.limits)?;
    let fragment = Some(state.fragment(fragment));
    Ok(Step { state, fragment, reply })
}

fn mark_replay(mut state: Session, ctx: &StepContext<'_>) -> Result<Step, StepError> {
    let reply = Reply::ReplayMarked;
    let is_replaced = judge_id(&state, ctx) == IdVerdict::Replaced;
    let Root::Live(body) = &mut state.root else { return Err(StepError::Revoked) };
    if !is_replaced || !body.replays.is_due(ctx.dot.origin.replica, ctx.now_ms) {
        return Ok(Step { state, fragment: None, reply });
    }
    let replays = Replays::mark(ctx.dot, ctx.stamp);
    body.replays.merge(replays.clone());
    let fragment = Some(state.fragment(Body { replays, ..Body::default() }));
    Ok(Step { state, fragment, reply })
}

fn insert(state: Option<&Session>, create: &Create, ctx: &StepContext<'_>) -> Result<Step, StepError> {
    match state.map(|state| state.liveness(ctx.now_ms)) {
        None => {}
        Some(Liveness::Revoked) if planted!(CreateOverRevoked) => {}
        Some(Liveness::Live) => return Err(StepError::AlreadyExists),
        Some(Liveness::Partial) => return Err(StepError::Partial),
        // The id was used: what ended once never lives again.
        Some(Liveness::Expired | Liveness::Revoked) => return Err(StepError::Revoked),
    }
    check_create(create, ctx.limits)?;
    let mut session = Session::new(Birth {
        namespace: create.namespace.clone(),
        created: ctx.stamp,
        absolute_deadline_ms: ctx.now_ms.saturating_add(create.absolute_timeout_ms),
        idle_timeout_ms: create.idle_timeout_ms,
    });
    if let Root::Live(body) = &mut session.root {
        let fragment = changed(body, &create.changes, ctx)?;
        body.merge(fragment);
        check_state(body, ctx.limits)?;
    }
    Ok(Step { fragment: Some(session.clone()), state: session, reply: Reply::Created })
}

fn change(mut state: Session, update: &Update, ctx: &StepContext<'_>) -> Result<Step, StepError> {
    let idle_timeout_ms = state.birth.idle_timeout_ms;
    let Root::Live(body) = &mut state.root else { return Err(StepError::Revoked) };
    compare(body, &update.expected)?;
    let mut fragment = changed(body, &update.changes, ctx)?;
    if update.touch && moves(body, idle_timeout_ms, ctx.now_ms) {
        fragment.last_seen_ms = ctx.now_ms;
    }
    if fragment == Body::default() {
        return Ok(Step { state, fragment: None, reply: Reply::Updated });
    }
    body.merge(fragment.clone());
    check_state(body, ctx.limits)?;
    let fragment = Some(state.fragment(fragment));
    Ok(Step { state, fragment, reply: Reply::Updated })
}

fn compare(body: &Body, expected: &[Expectation]) -> Result<(), StepError> {
    let holds = |expectation: &Expectation| {
        body.attributes.get(&expectation.name).and_then(Register::value) == expectation.value.as_ref()
    };
    match expected.iter().position(|expectation| !holds(expectation)) {
        Some(index) => Err(StepError::NotAsExpected { index }),
        None => Ok(()),
    }
}

fn touch(mut state: Session, ctx: &StepContext<'_>) -> Result<Step, StepError> {
    let idle_timeout_ms = state.birth.idle_timeout_ms;
    let Root::Live(body) = &mut state.root else { return Err(StepError::Revoked) };
    let mut fragment = None;
    if moves(body, idle_timeout_ms, ctx.now_ms) {
        body.last_seen_ms = ctx.now_ms;
        if planted!(TouchExtendsAbsolute) {
            state.birth.absolute_deadline_ms += idle_timeout_ms;
        }
        fragment = Some(Body { last_seen_ms: ctx.now_ms, ..Body::default() });
    }
    let fragment = fragment.map(|body| state.fragment(body));
    let reply = Reply::Touched { expires_at_ms: state.expires_at_ms() };
    Ok(Step { state, fragment, reply })
}

fn moves(body: &Body, idle_timeout_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(body.last_seen_ms) > idle_timeout_ms / TOUCH_SHARE
}

fn revoke(
    state: Option<Session>,
    reason: &std::sync::Arc<str>,
    ctx: &StepContext<'_>,
) -> Result<Step, StepError> {
    let state = state.ok_or(StepError::NotFound)?;
    if let Root::Revoked(held) = &state.root {
        let reply = revoked(held);
        return Ok(Step { state, fragment: None, reply });
    }
    // Of a partial record it is enough to know that it is not over: its end needs no content.
    let liveness = state.liveness(ctx.now_ms);
    if liveness == Liveness::Expired {
        return Err(StepError::Expired);
    }
    match judge_id(&state, ctx) {
        IdVerdict::Current | IdVerdict::Alias => {}
        IdVerdict::Replaced => return Err(StepError::Rotated),
        IdVerdict::Unknown if liveness == Liveness::Partial => return Err(StepError::Partial),
        IdVerdict::Unknown => return Err(StepError::NotFound),
    }
    let revocation = Revocation { stamp: ctx.stamp, seq: ctx.dot.seq, reason: reason.clone() };
    let reply = revoked(&revocation);
    let ended = state.revoked(revocation);
    Ok(Step { state: ended.clone(), fragment: Some(ended), reply })
}

fn lapse(state: Option<Session>, last_seen_ms: u64, ctx: &StepContext<'_>) -> Result<Step, StepError> {
    let state = state.ok_or(StepError::NotFound)?;
    let lapsed = state.lapsed(last_seen_ms, ctx.stamp);
    let was_used = state.body().is_some_and(|body| body.last_seen_ms > last_seen_ms);
    let is_over = lapsed.expires_at_ms() <= ctx.now_ms;
    if state.has_ended() || !state.complete || was_used || !is_over {
        return Ok(Step { state, fragment: None, reply: Reply::LapseJudged });
    }
    Ok(Step { state: lapsed.clone(), fragment: Some(lapsed), reply: Reply::LapseJudged })
}

fn revoked(revocation: &Revocation) -> Reply {
    let (revoked_at_ms, reason) = (revocation.stamp.wall_ms(), revocation.reason.clone());
    Reply::Revoked { revoked_at_ms, reason, dot: revocation.dot() }
}

/// What the changes make of a body, as a fragment: one dot and one stamp for all of it.
fn changed(body: &Body, changes: &Changes, ctx: &StepContext<'_>) -> Result<Body, StepError> {
    check_changes(changes, ctx.limits)?;
    let mut fragment = Body::default();
    for name in &changes.remove_attributes {
        let held = body.attributes.get(name).filter(|register| register.value().is_some());
        if let Some(register) = held {
            fragment.attributes.insert(name.clone(), register.write(ctx.dot, ctx.stamp.hlc, None));
        }
    }
    for (name, value) in &changes.set_attributes {
        let written = match body.attributes.get(name) {
            Some(register) => register.write(ctx.dot, ctx.stamp.hlc, Some(value.clone())),
            None => Register::default().write(ctx.dot, ctx.stamp.hlc, Some(value.clone())),
        };
        fragment.attributes.insert(name.clone(), written);
    }
    for (name, amount) in &changes.add_counters {
        add(body, &mut fragment.counters, name, *amount, ctx)?;
    }
    for change in &changes.change_sets {
        change_set(body, &mut fragment.sets, change, ctx.dot);
    }
    if let Some(auth) = &changes.set_auth {
        fragment.auth = login(body, auth, ctx)?;
    }
    Ok(fragment)
}

fn login(body: &Body, auth: &AuthBlock, ctx: &StepContext<'_>) -> Result<Register<AuthBlock>, StepError> {
    check_auth(auth, ctx.limits)?;
    if planted!(LoginKeepsTheOneBefore) {
        return Ok(Register::default().write(ctx.dot, ctx.stamp.hlc, Some(auth.clone())));
    }
    Ok(body.auth.write(ctx.dot, ctx.stamp.hlc, Some(auth.clone())))
}

fn add(
    body: &Body,
    counters: &mut BTreeMap<Name, Counter>,
    name: &Name,
    amount: i64,
    ctx: &StepContext<'_>,
) -> Result<(), StepError> {
    let mut counter = body.counters.get(name).cloned().unwrap_or_default();
    if let Some(earlier) = counters.get(name) {
        counter.merge(earlier.clone());
    }
    if amount == 0 {
        return Ok(());
    }
    let added = counter
        .add(ctx.dot.origin, amount)
        .map_err(|full| StepError::InvalidArgument { field: "add_counters", detail: full.to_string() })?;
    counters.insert(name.clone(), added);
    Ok(())
}

fn change_set(body: &Body, sets: &mut BTreeMap<Name, Members>, change: &SetChange, dot: Dot) {
    let held = body.sets.get(&change.name);
    let mut members = Members::new();
    for member in &change.remove {
        let present = held.and_then(|held| held.get(member)).filter(|presence| presence.is_present());
        if let Some(presence) = present {
            members.insert(member.clone(), presence.remove());
        }
    }
    for member in &change.add {
        let presence = held.and_then(|held| held.get(member)).cloned().unwrap_or_else(Presence::default);
        members.insert(member.clone(), presence.add(dot));
    }
    if !members.is_empty() {
        sets.entry(change.name.clone()).or_default().extend(members);
    }
}

mod merge;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
