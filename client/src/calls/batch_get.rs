//! Read many sessions.

use std::future::IntoFuture;

use sojourn_proto::session::v1::batch_get_result::Outcome;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{BatchGetRequest, BatchGetResult};

use super::get::read;
use super::unexpected;
use super::write::{read_settings, send_by_await};
use crate::client::Client;
use crate::error::{Error, from_wire};
use crate::model::{Read, SessionId};
use crate::routing::Place;

/// Reads many sessions of one namespace; see [`Client::batch_get`].
#[must_use = "a call is sent when it is awaited"]
pub struct BatchGetCall<'c> {
    client: &'c Client,
    request: BatchGetRequest,
    timeout_ms: Option<u32>,
}

read_settings!(BatchGetCall);
send_by_await!(BatchGetCall, Vec<Result<Read, Error>>);

impl<'c> BatchGetCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str, ids: &[SessionId]) -> Self {
        let session_ids = ids.iter().map(|id| id.reveal().to_owned()).collect();
        let request = BatchGetRequest { namespace: namespace.to_owned(), session_ids, options: None };
        Self { client, request, timeout_ms: None }
    }

    /// One call to one node, which forwards what it does not hold.
    async fn send(self) -> Result<Vec<Result<Read, Error>>, Error> {
        let (settings, asked) = (self.prepare(), self.request.session_ids.len());
        match self.client.call(Place::Anywhere, Call::BatchGet(self.request), settings).await? {
            Reply::BatchGet(response) if response.results.len() == asked => {
                Ok(response.results.into_iter().map(outcome).collect())
            }
            _ => unexpected("BatchGet"),
        }
    }
}

fn outcome(result: BatchGetResult) -> Result<Read, Error> {
    match result.outcome {
        Some(Outcome::Found(response)) => read(response),
        Some(Outcome::Error(error)) => Err(from_wire(error)),
        None => Err(Error::protocol("BatchGet answered without an outcome")),
    }
}
