//! Make a session.

use std::future::IntoFuture;

use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{CreateRequest, CreateResponse};

use super::unexpected;
use super::write::{send_by_await, write_settings};
use crate::client::Client;
use crate::error::Error;
use crate::model::{CausalToken, Changes, Created, Session, SessionId};
use crate::routing::Place;

/// Makes a session; see [`Client::create`].
#[must_use = "a call is sent when it is awaited"]
pub struct CreateCall<'c> {
    client: &'c Client,
    request: CreateRequest,
    timeout_ms: Option<u32>,
}

write_settings!(CreateCall);
send_by_await!(CreateCall, Created);

impl<'c> CreateCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str) -> Self {
        let request = CreateRequest { namespace: namespace.to_owned(), ..CreateRequest::default() };
        Self { client, request, timeout_ms: None }
    }

    /// The first content.
    pub fn changes(mut self, changes: Changes) -> Self {
        self.request.changes = Some(changes.into_wire());
        self
    }

    /// How long it may lie idle, in milliseconds, no longer than the namespace's policy says.
    /// Default: the policy's, else the node's.
    pub fn idle_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.request.idle_timeout_ms = timeout_ms;
        self
    }

    /// How long it may live, in milliseconds, no longer than the namespace's policy says.
    /// Default: the policy's, else the node's.
    pub fn absolute_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.request.absolute_timeout_ms = timeout_ms;
        self
    }

    /// Uses an id minted by the application's framework in place of one minted by
    /// the node; accepted only where the namespace's policy, or without one the node's
    /// configuration, allows it.
    pub fn adopted_id(mut self, id: &SessionId) -> Self {
        id.reveal().clone_into(&mut self.request.adopted_session_id);
        self
    }

    async fn send(mut self) -> Result<Created, Error> {
        let settings = self.prepare();
        let place = match self.request.adopted_session_id.as_str() {
            "" => Place::Anywhere,
            id => Place::of(&self.request.namespace, id),
        };
        match self.client.call(place, Call::Create(self.request), settings).await? {
            Reply::Create(response) => created(response),
            _ => unexpected("Create"),
        }
    }
}

fn created(response: CreateResponse) -> Result<Created, Error> {
    let session = response.session.ok_or_else(|| Error::protocol("Create answered without a session"))?;
    Ok(Created {
        id: response.session_id.into(),
        session: Session::from_wire(session),
        token: CausalToken::from_bytes(response.causal_token),
        replica_id: response.replica_id,
    })
}
