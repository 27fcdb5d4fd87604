//! Change a session.

use std::future::IntoFuture;

use sojourn_proto::session::v1::UpdateRequest;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;

use super::unexpected;
use super::write::{send_by_await, write_settings};
use crate::client::Client;
use crate::error::Error;
use crate::model::{CausalToken, Changes, Session, SessionId, Updated};
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

    /// Also returns the session as it is after the change.
    pub fn return_session(mut self) -> Self {
        self.request.return_session = true;
        self
    }

    async fn send(mut self) -> Result<Updated, Error> {
        let settings = self.prepare();
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
