//! Keep a session alive.

use std::future::IntoFuture;

use sojourn_proto::session::v1::TouchRequest;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;

use super::unexpected;
use super::write::{send_by_await, write_settings};
use crate::client::Client;
use crate::error::Error;
use crate::model::{CausalToken, SessionId, Touched};
use crate::routing::Place;

/// Keeps a session alive; see [`Client::touch`].
#[must_use = "a call is sent when it is awaited"]
pub struct TouchCall<'c> {
    client: &'c Client,
    request: TouchRequest,
    timeout_ms: Option<u32>,
}

write_settings!(TouchCall);
send_by_await!(TouchCall, Touched);

impl<'c> TouchCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str, id: &SessionId) -> Self {
        let (namespace, session_id) = (namespace.to_owned(), id.reveal().to_owned());
        Self { client, request: TouchRequest { namespace, session_id, options: None }, timeout_ms: None }
    }

    async fn send(mut self) -> Result<Touched, Error> {
        let settings = self.prepare();
        let _writing = self.client.writing(&self.request.namespace, &self.request.session_id);
        let place = Place::of(&self.request.namespace, &self.request.session_id);
        match self.client.call(place, Call::Touch(self.request), settings).await? {
            Reply::Touch(response) => Ok(Touched {
                expires_at_ms: response.expires_at_ms,
                token: CausalToken::from_bytes(response.causal_token),
                replica_id: response.replica_id,
            }),
            _ => unexpected("Touch"),
        }
    }
}
