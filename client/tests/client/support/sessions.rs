//! Sessions as a map that all nodes share: just enough of the rules.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{
    BatchGetResponse, BatchGetResult, Changes, CreateRequest, CreateResponse, Error, GetResponse,
    ReceiptResponse, RevokeRequest, RevokeResponse, RotateRequest, RotateResponse, Session, TouchResponse,
    UpdateResponse, batch_get_result,
};
use tonic::Code;

const IDLE_TIMEOUT_MS: u64 = 1_800_000;

/// For how long an old id is accepted if the call does not say.
const GRACE_MS: u64 = 30_000;

/// A session and its ids.
#[derive(Default)]
struct Live {
    session: Session,
    id: String,
    /// With the time until which each is accepted.
    replaced: Vec<(String, u64)>,
}

/// A session, or why and when it was revoked.
type Kept = Result<Live, (String, u64)>;

/// By the first part of their ids.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<BTreeMap<String, Kept>>);

impl Sessions {
    pub(crate) fn answer(&self, call: Call) -> Reply {
        let done = match call {
            Call::Create(request) => self.create(request).map(Reply::Create),
            Call::Get(request) => self.get(&request.session_id).map(Reply::Get),
            Call::Update(request) => self.update(&request.session_id, request.changes).map(Reply::Update),
            Call::Touch(request) => {
                self.get(&request.session_id).map(|_| Reply::Touch(TouchResponse::default()))
            }
            Call::Rotate(request) => self.rotate(request).map(Reply::Rotate),
            Call::Revoke(request) => self.revoke(request).map(Reply::Revoke),
            Call::Receipt(_) => Ok(Reply::Receipt(ReceiptResponse::default())),
            Call::BatchGet(request) => {
                let results = request.session_ids.iter().map(|id| self.get(id)).map(|outcome| {
                    use batch_get_result::Outcome::{Error, Found};
                    BatchGetResult { outcome: Some(outcome.map_or_else(Error, Found)) }
                });
                Ok(Reply::BatchGet(BatchGetResponse { results: results.collect() }))
            }
        };
        done.unwrap_or_else(Reply::Error)
    }

    fn create(&self, request: CreateRequest) -> Result<CreateResponse, Error> {
        let mut sessions = self.0.lock().unwrap();
        let id = match request.adopted_session_id {
            id if id.is_empty() => minted(sessions.len()),
            id => id,
        };
        if sessions.contains_key(&id) {
            return Err(error(Code::AlreadyExists, "SESSION_EXISTS"));
        }
        let mut session = Session {
            namespace: request.namespace,
            idle_timeout_ms: match request.idle_timeout_ms {
                0 => IDLE_TIMEOUT_MS,
                timeout_ms => timeout_ms,
            },
            expires_at_ms: 4_000_000_000_000,
            created_at_ms: now_ms(),
            last_seen_ms: now_ms(),
            ..Session::default()
        };
        apply(&mut session, request.changes.unwrap_or_default());
        let live = Live { session: session.clone(), id: id.clone(), replaced: Vec::new() };
        sessions.insert(id.clone(), Ok(live));
        let causal_token = "t".into();
        Ok(CreateResponse { session_id: id, session: Some(session), causal_token, replica_id: 1 })
    }

    fn get(&self, id: &str) -> Result<GetResponse, Error> {
        self.with(id, |live| {
            let (session, causal_token) = (Some(live.session.clone()), "t".into());
            let id_replaced = live.id != id;
            GetResponse { session, causal_token, replica_id: 1, id_replaced, ..Default::default() }
        })
    }

    /// Does something with a live session, if the id is still accepted.
    fn with<T>(&self, id: &str, use_it: impl FnOnce(&mut Live) -> T) -> Result<T, Error> {
        let mut sessions = self.0.lock().unwrap();
        match sessions.get_mut(first(id)) {
            Some(Ok(live)) => {
                let until_ms = live.replaced.iter().find(|(old, _)| old == id).map(|(_, until_ms)| *until_ms);
                match until_ms {
                    _ if live.id == id => Ok(use_it(live)),
                    Some(until_ms) if now_ms() < until_ms => Ok(use_it(live)),
                    Some(_) => Err(said("SESSION_ROTATED", [("rotated_at_ms", live.session.rotated_at_ms)])),
                    None => Err(error(Code::NotFound, "SESSION_NOT_FOUND")),
                }
            }
            Some(Err((reason, at_ms))) => {
                let facts = [("revoke_reason", reason.clone()), ("revoked_at_ms", at_ms.to_string())];
                Err(said("SESSION_REVOKED", facts))
            }
            None => Err(error(Code::NotFound, "SESSION_NOT_FOUND")),
        }
    }

    fn rotate(&self, request: RotateRequest) -> Result<RotateResponse, Error> {
        let changes = request.changes.unwrap_or_default();
        let is_login = changes.set_auth.is_some();
        self.with(&request.session_id.clone(), |live| {
            if live.id != request.session_id {
                return Err(error(Code::FailedPrecondition, "SESSION_ALREADY_ROTATED"));
            }
            let grace_ms = request.grace_ms.map_or(if is_login { 0 } else { GRACE_MS }, u64::from);
            let mut secret = [0; 16];
            secret[0] = u8::try_from(live.replaced.len()).unwrap();
            let id = format!("{}~{}", first(&live.id), URL_SAFE_NO_PAD.encode(secret));
            live.replaced.push((std::mem::replace(&mut live.id, id), now_ms() + grace_ms));
            if grace_ms == 0 {
                live.replaced.iter_mut().for_each(|(_, until_ms)| *until_ms = 0);
            }
            live.session.rotated_at_ms = now_ms();
            if request.touch {
                live.session.last_seen_ms = now_ms();
            }
            apply(&mut live.session, changes);
            let session = request.return_session.then(|| live.session.clone());
            let causal_token = "t".into();
            Ok(RotateResponse { session_id: live.id.clone(), session, causal_token, replica_id: 1 })
        })?
    }

    /// The first revocation holds.
    fn revoke(&self, request: RevokeRequest) -> Result<RevokeResponse, Error> {
        match self.get(&request.session_id) {
            Err(error) if error.reason == "SESSION_ROTATED" => return Err(error),
            _ => {}
        }
        let mut sessions = self.0.lock().unwrap();
        let kept = sessions.entry(first(&request.session_id).into()).or_insert_with(|| Ok(Live::default()));
        if kept.is_ok() {
            *kept = Err((request.reason.clone(), now_ms()));
        }
        Ok(RevokeResponse { reason: request.reason, ..Default::default() })
    }

    /// How many sessions are live.
    pub(crate) fn live(&self) -> usize {
        self.0.lock().unwrap().values().filter(|kept| kept.is_ok()).count()
    }

    /// Makes all sessions look as if they had been made, used and rotated so long ago.
    pub(crate) fn age(&self, by_ms: u64) {
        for live in self.0.lock().unwrap().values_mut().flatten() {
            live.session.created_at_ms -= by_ms;
            live.session.last_seen_ms -= by_ms;
            live.session.rotated_at_ms = live.session.rotated_at_ms.saturating_sub(by_ms);
            live.replaced.iter_mut().for_each(|(_, until_ms)| *until_ms = until_ms.saturating_sub(by_ms));
        }
    }

    fn update(&self, id: &str, changes: Option<Changes>) -> Result<UpdateResponse, Error> {
        self.with(id, |live| apply(&mut live.session, changes.unwrap_or_default()))?;
        Ok(UpdateResponse { session: None, causal_token: "t".into(), replica_id: 1 })
    }
}

/// The part of an id that rotations leave as it is.
fn first(id: &str) -> &str {
    id.split('~').next().unwrap()
}

/// An error about the state of a session, with facts for programs.
fn said<const N: usize>(reason: &str, facts: [(&str, impl ToString); N]) -> Error {
    let metadata = facts.map(|(name, value)| (name.to_owned(), value.to_string())).into();
    Error { metadata, ..error(Code::FailedPrecondition, reason) }
}

fn apply(session: &mut Session, changes: Changes) {
    session.attributes.extend(changes.set_attributes);
    for name in changes.remove_attributes {
        session.attributes.remove(&name);
    }
    for (name, amount) in changes.add_counters {
        *session.counters.entry(name).or_default() += amount;
    }
    for change in changes.change_sets {
        let members = &mut session.sets.entry(change.name).or_default().members;
        members.retain(|member| !change.remove.contains(member));
        members.extend(change.add);
    }
    if changes.set_auth.is_some() {
        session.auth = changes.set_auth;
    }
}

/// As a node mints them: 32 bytes as base64url.
fn minted(number: usize) -> String {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    URL_SAFE_NO_PAD.encode(id)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

pub(crate) fn error(code: Code, reason: &str) -> Error {
    Error { code: code as i32, message: "told by a test".into(), reason: reason.into(), ..Error::default() }
}
