//! Log a principal out everywhere.

use std::future::IntoFuture;

use sojourn_proto::directory::v1::EndAllSessionsRequest;

use super::wait::receipt_settings;
use super::write::{send_by_await, write_settings};
use crate::cache::ReadCache;
use crate::client::Client;
use crate::directory::Directory;
use crate::error::Error;
use crate::model::{LoggedOut, Receipt, SessionId};

/// Logs a principal out everywhere; see [`Client::end_all_sessions`].
#[must_use = "a call is sent when it is awaited"]
pub struct EndAllSessionsCall<'c> {
    client: &'c Client,
    request: EndAllSessionsRequest,
    timeout_ms: Option<u32>,
}

write_settings!(EndAllSessionsCall);
receipt_settings!(EndAllSessionsCall);
send_by_await!(EndAllSessionsCall, LoggedOut);

impl<'c> EndAllSessionsCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str, principal: &str) -> Self {
        let request = EndAllSessionsRequest {
            namespace: namespace.to_owned(),
            principal: principal.to_owned(),
            ..EndAllSessionsRequest::default()
        };
        Self { client, request, timeout_ms: None }
    }

    /// A live session of the principal that goes on.
    pub fn keep(mut self, id: &SessionId) -> Self {
        self.request.keep_session_id = id.reveal().to_owned();
        self
    }

    async fn send(mut self) -> Result<LoggedOut, Error> {
        let mut settings = self.prepare();
        settings.waits |= self.request.wait.is_some();
        let _ending = self.client.cache().map(ReadCache::ending);
        let call = async |mut node: Directory, request| node.end_all_sessions(request).await;
        let answer = self.client.ask_any(self.request, settings, call).await?;
        Ok(LoggedOut { replica_id: answer.replica_id, receipt: Receipt::from_wire(answer.receipt) })
    }
}
