//! Read a session.

use std::future::IntoFuture;

use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{Consistency, GetRequest, GetResponse};

use super::unexpected;
use super::write::{read_settings, send_by_await};
use crate::cache::Key;
use crate::client::Client;
use crate::error::Error;
use crate::model::{CausalToken, Read, Session, SessionId};
use crate::routing::Place;

/// Reads a session; see [`Client::get`].
#[must_use = "a call is sent when it is awaited"]
pub struct GetCall<'c> {
    client: &'c Client,
    request: GetRequest,
    timeout_ms: Option<u32>,
}

read_settings!(GetCall);
send_by_await!(GetCall, Read);

impl<'c> GetCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str, id: &SessionId) -> Self {
        let (namespace, session_id) = (namespace.to_owned(), id.reveal().to_owned());
        Self { client, request: GetRequest { namespace, session_id, options: None }, timeout_ms: None }
    }

    /// From the cache if there is one that will do, else from a node.
    async fn send(self) -> Result<Read, Error> {
        let Some(cache) = self.client.cache() else { return self.ask().await };
        let key = Key::of(&self.request.namespace, &self.request.session_id);
        let options = self.request.options.as_ref();
        let shown = options.map(|options| options.causal_token.clone()).unwrap_or_default();
        let one = options.is_none_or(|options| {
            matches!(options.consistency(), Consistency::Unspecified | Consistency::LocalOne)
        });
        let bounded = options.is_some_and(|options| {
            options.report_revocations_staleness || options.revocations_staleness_ms_max.is_some()
        });
        if bounded {
            return self.ask().await;
        }
        if let Some(read) = one.then(|| cache.get(&key, &shown)).flatten() {
            return Ok(read);
        }
        let ticket = cache.begin(key);
        let outcome = self.ask().await;
        match &outcome {
            Ok(read) => cache.fill(ticket, shown, read),
            Err(error) if error.is_gone() => cache.forget(&key),
            Err(_) => {}
        }
        outcome
    }

    async fn ask(self) -> Result<Read, Error> {
        let settings = self.prepare();
        let place = Place::of(&self.request.namespace, &self.request.session_id);
        match self.client.call(place, Call::Get(self.request), settings).await? {
            Reply::Get(response) => read(response),
            _ => unexpected("Get"),
        }
    }
}

/// An answer without a session is an error, never an empty session.
pub(super) fn read(response: GetResponse) -> Result<Read, Error> {
    let figures = response.revocations_staleness.into_iter();
    let session = response.session.ok_or_else(|| Error::protocol("Get answered without a session"))?;
    Ok(Read {
        session: Session::from_wire(session),
        token: CausalToken::from_bytes(response.causal_token),
        replica_id: response.replica_id,
        id_replaced: response.id_replaced,
        revocations_staleness_ms: figures.map(|figure| (figure.region, figure.staleness_ms)).collect(),
    })
}
