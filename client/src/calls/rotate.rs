//! Give a session another id.

use std::future::IntoFuture;

use sojourn_proto::session::v1::RotateRequest;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;

use super::unexpected;
use super::write::{send_by_await, write_settings};
use crate::client::Client;
use crate::error::Error;
use crate::model::{CausalToken, Changes, Rotated, Session, SessionId};
use crate::routing::Place;

/// Gives a session another id; see [`Client::rotate`].
#[must_use = "a call is sent when it is awaited"]
pub struct RotateCall<'c> {
    client: &'c Client,
    request: RotateRequest,
    timeout_ms: Option<u32>,
}

write_settings!(RotateCall);
send_by_await!(RotateCall, Rotated);

impl<'c> RotateCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str, id: &SessionId) -> Self {
        let request = RotateRequest {
            namespace: namespace.to_owned(),
            session_id: id.reveal().to_owned(),
            ..RotateRequest::default()
        };
        Self { client, request, timeout_ms: None }
    }

    /// What to change with it. With [`Changes::auth`] it is a login or step-up.
    pub fn changes(mut self, changes: Changes) -> Self {
        self.request.changes = Some(changes.into_wire());
        self
    }

    /// For how long the old id is still accepted, in milliseconds, at most 600 000; 0: it
    /// is dead at once, as it always is with a login or step-up. Default: 30 000.
    pub fn grace_ms(mut self, grace_ms: u32) -> Self {
        self.request.grace_ms = Some(grace_ms);
        self
    }

    /// Also moves the idle deadline.
    pub fn touch(mut self) -> Self {
        self.request.touch = true;
        self
    }

    /// Also returns the session as it is after the change.
    pub fn return_session(mut self) -> Self {
        self.request.return_session = true;
        self
    }

    async fn send(mut self) -> Result<Rotated, Error> {
        let settings = self.prepare();
        let _writing = self.client.writing(&self.request.namespace, &self.request.session_id);
        let place = Place::of(&self.request.namespace, &self.request.session_id);
        match self.client.call(place, Call::Rotate(self.request), settings).await? {
            Reply::Rotate(response) => Ok(Rotated {
                id: response.session_id.into(),
                session: response.session.map(Session::from_wire),
                token: CausalToken::from_bytes(response.causal_token),
                replica_id: response.replica_id,
            }),
            _ => unexpected("Rotate"),
        }
    }
}
