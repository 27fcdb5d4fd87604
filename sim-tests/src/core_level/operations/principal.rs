//! What a node knows of principals, in the steps of the API's handler.

use std::sync::Arc;

use sojourn_node::directory::period::Place;
use sojourn_node::directory::{Entry, Principal};
use sojourn_node::engine::{
    Changes, Command, Committed, Create, Engine, EngineError, ExecuteOptions, StepError, Update,
};
use sojourn_node::session::{AuthBlock, DecodeLimits, Key, Session, SessionView};

use super::{NAMESPACE, SECRET};

fn place(principal: &str) -> Place<'_> {
    Place { secret: &SECRET, namespace: NAMESPACE, principal }
}

/// Whether a session that is live by its own record was ended through its principal;
/// none if the disk must be asked first.
pub(in crate::core_level) fn is_ended_now(
    engine: &Engine,
    key: Key,
    state: &bytes::Bytes,
    now_ms: u64,
) -> Option<bool> {
    let Some(auth) = login(state) else { return Some(false) };
    let mut records = Vec::new();
    for record in place(&auth.principal).relevant(now_ms) {
        records.extend(engine.read_now(record)?.and_then(|record| decode(&record.state)));
    }
    Some(Principal::of(&records).ended(&key, &auth, 0, now_ms).is_some())
}

/// As [`is_ended_now`], also if the disk must be asked.
pub(in crate::core_level) async fn is_ended(
    engine: &Engine,
    key: Key,
    state: &bytes::Bytes,
    now_ms: u64,
) -> Result<bool, EngineError> {
    let Some(auth) = login(state) else { return Ok(false) };
    let principal = principal_now(engine, &auth.principal, now_ms).await?;
    Ok(principal.ended(&key, &auth, 0, now_ms).is_some())
}

/// A principal, as this node knows it.
pub(super) async fn principal_now(
    engine: &Engine,
    principal: &str,
    now_ms: u64,
) -> Result<Principal, EngineError> {
    let mut records = Vec::new();
    for record in place(principal).relevant(now_ms) {
        records.extend(engine.read(record).await?.and_then(|record| decode(&record.state)));
    }
    Ok(Principal::of(&records))
}

/// Prepares a login: what it must remember, and its line in the principal's list.
pub(super) async fn begin_login(
    engine: &Engine,
    key: Key,
    auth: &mut AuthBlock,
    now_ms: u64,
) -> Result<(), EngineError> {
    let principal = principal_now(engine, &auth.principal, now_ms).await?;
    auth.epoch_seen = principal.epoch();
    let (region, device, deadline_ms) = ("sim".into(), "".into(), now_ms + 1_000_000);
    let entry = Entry { login_ms: now_ms, key, deadline_ms, region, device };
    let changes = principal.login(&entry, 0, &[], now_ms);
    put(engine, &auth.principal, changes, &ExecuteOptions::default(), now_ms).await.map(drop)
}

/// The record that a logout everywhere changes now.
pub(super) fn record_of(principal: &str, now_ms: u64) -> Key {
    place(principal).current(now_ms).0
}

/// Changes a principal's record, or makes it.
pub(super) async fn put(
    engine: &Engine,
    principal: &str,
    changes: Changes,
    options: &ExecuteOptions,
    now_ms: u64,
) -> Result<Committed, EngineError> {
    let (key, ends_ms) = place(principal).current(now_ms);
    let update = || Command::Update(Update { changes: changes.clone(), ..Update::default() });
    match engine.execute(key, update(), options).await {
        Err(EngineError::Refused(StepError::NotFound)) => {}
        written => return written,
    }
    let create = Create {
        namespace: Arc::from(NAMESPACE),
        idle_timeout_ms: ends_ms - now_ms,
        absolute_timeout_ms: ends_ms - now_ms,
        changes: changes.clone(),
    };
    match engine.execute(key, Command::Create(create), options).await {
        Err(EngineError::Refused(StepError::AlreadyExists)) => engine.execute(key, update(), options).await,
        written => written,
    }
}

fn login(state: &bytes::Bytes) -> Option<AuthBlock> {
    SessionView::open(state, &DecodeLimits::default()).ok()?.login().ok()?
}

fn decode(state: &bytes::Bytes) -> Option<Session> {
    Session::decode(state, &DecodeLimits::default()).ok()
}
