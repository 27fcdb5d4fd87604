//! Ask again which regions have applied a revocation.

use std::future::IntoFuture;

use sojourn_proto::directory::v1 as directory;
use sojourn_proto::session::v1::ReceiptRequest;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;

use super::unexpected;
use super::wait::receipt_settings;
use super::write::{send_by_await, timeout_setting};
use crate::client::Client;
use crate::directory::Directory;
use crate::error::Error;
use crate::model::{CausalToken, Receipt, SessionId};
use crate::routing::Place;

/// Asks for the receipt of a revocation; see [`Client::receipt`].
#[must_use = "a call is sent when it is awaited"]
pub struct ReceiptCall<'c> {
    client: &'c Client,
    request: ReceiptRequest,
    timeout_ms: Option<u32>,
}

receipt_settings!(ReceiptCall);
timeout_setting!(ReceiptCall);
send_by_await!(ReceiptCall, Receipt);

impl<'c> ReceiptCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str, id: &SessionId, token: &CausalToken) -> Self {
        let (namespace, session_id) = (namespace.to_owned(), id.reveal().to_owned());
        let request = ReceiptRequest { namespace, session_id, token: token.to_wire(), wait: None };
        Self { client, request, timeout_ms: None }
    }

    async fn send(self) -> Result<Receipt, Error> {
        let settings = self.client.settings(self.timeout_ms, self.request.wait.is_some());
        let place = Place::of(&self.request.namespace, &self.request.session_id);
        match self.client.call(place, Call::Receipt(self.request), settings).await? {
            Reply::Receipt(response) => Ok(Receipt::from_wire(response.receipt)),
            _ => unexpected("Receipt"),
        }
    }
}

/// Asks for the receipt of a logout everywhere; see [`Client::principal_receipt`].
#[must_use = "a call is sent when it is awaited"]
pub struct PrincipalReceiptCall<'c> {
    client: &'c Client,
    request: directory::ReceiptRequest,
    timeout_ms: Option<u32>,
}

receipt_settings!(PrincipalReceiptCall);
timeout_setting!(PrincipalReceiptCall);
send_by_await!(PrincipalReceiptCall, Receipt);

impl<'c> PrincipalReceiptCall<'c> {
    pub(crate) fn new(client: &'c Client, token: &CausalToken) -> Self {
        let request = directory::ReceiptRequest { token: token.to_wire(), wait: None };
        Self { client, request, timeout_ms: None }
    }

    async fn send(self) -> Result<Receipt, Error> {
        let settings = self.client.settings(self.timeout_ms, self.request.wait.is_some());
        let call = async |mut node: Directory, request| node.receipt(request).await;
        Ok(Receipt::from_wire(self.client.ask_any(self.request, settings, call).await?.receipt))
    }
}
