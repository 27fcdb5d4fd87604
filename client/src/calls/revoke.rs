//! End a session.

use std::future::IntoFuture;

use sojourn_proto::session::v1::RevokeRequest;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;

use super::unexpected;
use super::wait::receipt_settings;
use super::write::{send_by_await, write_settings};
use crate::client::Client;
use crate::error::Error;
use crate::model::{CausalToken, Receipt, Revoked, SessionId};
use crate::routing::Place;

/// Ends a session; see [`Client::revoke`].
#[must_use = "a call is sent when it is awaited"]
pub struct RevokeCall<'c> {
    client: &'c Client,
    request: RevokeRequest,
    timeout_ms: Option<u32>,
}

write_settings!(RevokeCall);
receipt_settings!(RevokeCall);
send_by_await!(RevokeCall, Revoked);

impl<'c> RevokeCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str, id: &SessionId, reason: &str) -> Self {
        let request = RevokeRequest {
            namespace: namespace.to_owned(),
            session_id: id.reveal().to_owned(),
            reason: reason.to_owned(),
            ..RevokeRequest::default()
        };
        Self { client, request, timeout_ms: None }
    }

    async fn send(mut self) -> Result<Revoked, Error> {
        let mut settings = self.prepare();
        settings.waits |= self.request.wait.is_some();
        let _writing = self.client.writing(&self.request.namespace, &self.request.session_id);
        let place = Place::of(&self.request.namespace, &self.request.session_id);
        match self.client.call(place, Call::Revoke(self.request), settings).await? {
            Reply::Revoke(response) => Ok(Revoked {
                revoked_at_ms: response.revoked_at_ms,
                reason: response.reason,
                token: CausalToken::from_bytes(response.causal_token),
                replica_id: response.replica_id,
                receipt: Receipt::from_wire(response.receipt),
            }),
            _ => unexpected("Revoke"),
        }
    }
}
