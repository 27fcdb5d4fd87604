//! Sessions as a map that all nodes share: just enough of the rules.

use std::collections::BTreeMap;
use std::sync::Mutex;

use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{
    BatchGetResponse, BatchGetResult, Changes, CreateRequest, CreateResponse, Error, GetResponse,
    RevokeResponse, Session, TouchResponse, UpdateResponse, batch_get_result,
};
use tonic::Code;

/// None: revoked.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<BTreeMap<String, Option<Session>>>);

impl Sessions {
    pub(crate) fn answer(&self, call: Call) -> Reply {
        let done = match call {
            Call::Create(request) => self.create(request).map(Reply::Create),
            Call::Get(request) => self.get(&request.session_id).map(Reply::Get),
            Call::Update(request) => self.update(&request.session_id, request.changes).map(Reply::Update),
            Call::Touch(request) => {
                self.get(&request.session_id).map(|_| Reply::Touch(TouchResponse::default()))
            }
            Call::Revoke(request) => {
                self.0.lock().unwrap().insert(request.session_id, None);
                Ok(Reply::Revoke(RevokeResponse { reason: request.reason, ..Default::default() }))
            }
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
            id if id.is_empty() => format!("minted-{}", sessions.len()),
            id => id,
        };
        if sessions.contains_key(&id) {
            return Err(error(Code::AlreadyExists, "SESSION_EXISTS"));
        }
        let mut session = Session {
            namespace: request.namespace,
            idle_timeout_ms: request.idle_timeout_ms,
            expires_at_ms: 4_000_000_000_000,
            ..Session::default()
        };
        apply(&mut session, request.changes.unwrap_or_default());
        sessions.insert(id.clone(), Some(session.clone()));
        let causal_token = "t".into();
        Ok(CreateResponse { session_id: id, session: Some(session), causal_token, replica_id: 1 })
    }

    fn get(&self, id: &str) -> Result<GetResponse, Error> {
        match self.0.lock().unwrap().get(id) {
            Some(Some(session)) => {
                let causal_token = "t".into();
                Ok(GetResponse { session: Some(session.clone()), causal_token, replica_id: 1 })
            }
            Some(None) => Err(error(Code::FailedPrecondition, "SESSION_REVOKED")),
            None => Err(error(Code::NotFound, "SESSION_NOT_FOUND")),
        }
    }

    fn update(&self, id: &str, changes: Option<Changes>) -> Result<UpdateResponse, Error> {
        self.get(id)?;
        if let Some(Some(session)) = self.0.lock().unwrap().get_mut(id) {
            apply(session, changes.unwrap_or_default());
        }
        Ok(UpdateResponse { session: None, causal_token: "t".into(), replica_id: 1 })
    }
}

fn apply(session: &mut Session, changes: Changes) {
    session.attributes.extend(changes.set_attributes);
    for name in changes.remove_attributes {
        session.attributes.remove(&name);
    }
    for (name, amount) in changes.add_counters {
        *session.counters.entry(name).or_default() += amount;
    }
}

pub(crate) fn error(code: Code, reason: &str) -> Error {
    Error { code: code as i32, message: "told by a test".into(), reason: reason.into(), ..Error::default() }
}
