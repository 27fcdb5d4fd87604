//! End one session of a principal.

use std::future::IntoFuture;

use bytes::Bytes;
use sojourn_proto::directory::v1::EndSessionRequest;

use super::wait::receipt_settings;
use super::write::{send_by_await, write_settings};
use crate::cache::ReadCache;
use crate::client::Client;
use crate::directory::Directory;
use crate::error::Error;
use crate::model::Receipt;

/// Ends one session of a principal; see [`Client::end_session`].
#[must_use = "a call is sent when it is awaited"]
pub struct EndSessionCall<'c> {
    client: &'c Client,
    request: EndSessionRequest,
    timeout_ms: Option<u32>,
}

write_settings!(EndSessionCall);
receipt_settings!(EndSessionCall);
send_by_await!(EndSessionCall, Receipt);

impl<'c> EndSessionCall<'c> {
    pub(crate) fn new(
        client: &'c Client,
        namespace: &str,
        principal: &str,
        session_ref: &[u8],
        reason: &str,
    ) -> Self {
        let request = EndSessionRequest {
            namespace: namespace.to_owned(),
            principal: principal.to_owned(),
            session_ref: Bytes::copy_from_slice(session_ref),
            reason: reason.to_owned(),
            ..EndSessionRequest::default()
        };
        Self { client, request, timeout_ms: None }
    }

    async fn send(mut self) -> Result<Receipt, Error> {
        let mut settings = self.prepare();
        settings.waits |= self.request.wait.is_some();
        let _ending = self.client.cache().map(ReadCache::ending);
        let call = async |mut node: Directory, request| node.end_session(request).await;
        Ok(Receipt::from_wire(self.client.ask_any(self.request, settings, call).await?.receipt))
    }
}
