//! Change a session.

use std::future::IntoFuture;

use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{Expectation, UpdateRequest};

use super::unexpected;
use super::write::{send_by_await, write_settings};
use crate::client::Client;
use crate::error::Error;
use crate::model::{CausalToken, Changes, Session, SessionId, Updated, Value};
use crate::routing::Place;

/// Changes a session; see [`Client::update`].
#[must_use = "a call is sent when it is awaited"]
pub struct UpdateCall<'c> {
    client: &'c Client,
    request: UpdateRequest,
    timeout_ms: Option<u32>,
}

write_settings!(UpdateCall);
send_by_await!(UpdateCall, Updated);

impl<'c> UpdateCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str, id: &SessionId, changes: Changes) -> Self {
        let request = UpdateRequest {
            namespace: namespace.to_owned(),
            session_id: id.reveal().to_owned(),
            changes: Some(changes.into_wire()),
            ..UpdateRequest::default()
        };
        Self { client, request, timeout_ms: None }
    }

    /// Also moves the idle deadline.
    pub fn touch(mut self) -> Self {
        self.request.touch = true;
        self
    }

    /// Compare and set: changes nothing unless the attribute holds this value, of the same
    /// kind, at the replica that makes the change ([`Error::NotAsExpected`]). Of two callers
    /// at one replica one fails. It is no lock: another replica may make another change
    /// at the same time, and then the later one holds in the end.
    pub fn expect_here(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.request
            .expected_here
            .push(Expectation { name: name.to_owned(), value: Some(value.into().into_wire()) });
        self
    }

    /// As [`Self::expect_here`]: the attribute must not be there.
    pub fn expect_absent_here(mut self, name: &str) -> Self {
        self.request.expected_here.push(Expectation { name: name.to_owned(), value: None });
        self
    }

    /// Also returns the session as it is after the change.
    pub fn return_session(mut self) -> Self {
        self.request.return_session = true;
        self
    }

    async fn send(mut self) -> Result<Updated, Error> {
        let settings = self.prepare();
        let _writing = self.client.writing(&self.request.namespace, &self.request.session_id);
        let place = Place::of(&self.request.namespace, &self.request.session_id);
        match self.client.call(place, Call::Update(self.request), settings).await? {
            Reply::Update(response) => Ok(Updated {
                session: response.session.map(Session::from_wire),
                token: CausalToken::from_bytes(response.causal_token),
                replica_id: response.replica_id,
            }),
            _ => unexpected("Update"),
        }
    }
}
