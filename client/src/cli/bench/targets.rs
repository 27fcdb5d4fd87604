//! Ways to call the cluster.

use std::sync::Arc;

use prost::Message;
use sojourn_client::{Changes, Client, Durability, SessionId};
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use sojourn_proto::session::v1::{self as v1, GetRequest, TouchRequest, UpdateRequest, WriteOptions};
use tonic::transport::Channel;

use super::echo::Size;
use super::load::{Kind, Operation, Target};
use super::sessions::{Content, NAMESPACE};
use crate::cli::error::CliError;

/// What every way needs.
#[derive(Clone)]
pub(crate) struct Calls {
    /// The sessions.
    pub(crate) sessions: Arc<[SessionId]>,
    /// Their shape.
    pub(crate) content: Content,
    /// How writes are kept.
    pub(crate) durability: Durability,
}

impl Calls {
    fn session(&self, operation: Operation) -> &SessionId {
        &self.sessions[operation.session % self.sessions.len()]
    }

    fn get(&self, operation: Operation) -> GetRequest {
        let session_id = self.session(operation).reveal().to_owned();
        GetRequest { namespace: NAMESPACE.to_owned(), session_id, options: None }
    }

    fn update(&self, operation: Operation) -> UpdateRequest {
        let value = v1::Value { kind: Some(v1::value::Kind::Data(self.content.value(operation.number))) };
        let set_attributes = [(self.content.field(operation.number), value)].into();
        UpdateRequest {
            namespace: NAMESPACE.to_owned(),
            session_id: self.session(operation).reveal().to_owned(),
            changes: Some(v1::Changes { set_attributes, ..v1::Changes::default() }),
            options: self.options(),
            ..UpdateRequest::default()
        }
    }

    fn touch(&self, operation: Operation) -> TouchRequest {
        let session_id = self.session(operation).reveal().to_owned();
        TouchRequest { namespace: NAMESPACE.to_owned(), session_id, options: self.options() }
    }

    fn options(&self) -> Option<WriteOptions> {
        let durability = match self.durability {
            Durability::Synced => v1::Durability::Synced,
            _ => v1::Durability::Buffered,
        };
        Some(WriteOptions { durability: durability.into(), ..WriteOptions::default() })
    }
}

/// Through the client library.
pub(crate) struct Library {
    /// The client.
    pub(crate) client: Client,
    /// What to call.
    pub(crate) calls: Calls,
}

impl Target for Library {
    async fn call(&self, operation: Operation) -> Result<(), String> {
        let (client, calls) = (&self.client, &self.calls);
        let id = calls.session(operation);
        let outcome = match operation.kind {
            Kind::Read => client.get(NAMESPACE, id).await.map(drop),
            Kind::Write => {
                let (name, value) =
                    (calls.content.field(operation.number), calls.content.value(operation.number));
                let update = client.update(NAMESPACE, id, Changes::new().set(name, value));
                update.durability(calls.durability).await.map(drop)
            }
            Kind::Touch => client.touch(NAMESPACE, id).durability(calls.durability).await.map(drop),
        };
        outcome.map_err(|error| error.to_string())
    }
}

/// One unary call each.
pub(crate) struct Unary {
    /// To one node.
    pub(crate) channel: Channel,
    /// What to call.
    pub(crate) calls: Calls,
}

impl Unary {
    /// How many bytes a read and a write have on the wire.
    pub(crate) async fn sizes(&self) -> Result<(Size, Size), CliError> {
        let mut client = SessionServiceClient::new(self.channel.clone());
        let refused =
            |status: tonic::Status| CliError::Failed(format!("a call failed: {}", status.message()));
        let operation = Operation { kind: Kind::Read, session: 0, number: 0 };
        let (get, update) = (self.calls.get(operation), self.calls.update(operation));
        let (get_bytes, update_bytes) = (get.encoded_len(), update.encoded_len());
        let read = client.get(get).await.map_err(refused)?.into_inner();
        let written = client.update(update).await.map_err(refused)?.into_inner();
        Ok((
            Size { request: get_bytes, answer: read.encoded_len() },
            Size { request: update_bytes, answer: written.encoded_len() },
        ))
    }
}

impl Target for Unary {
    async fn call(&self, operation: Operation) -> Result<(), String> {
        let mut client = SessionServiceClient::new(self.channel.clone());
        let outcome = match operation.kind {
            Kind::Read => client.get(self.calls.get(operation)).await.map(drop),
            Kind::Write => client.update(self.calls.update(operation)).await.map(drop),
            Kind::Touch => client.touch(self.calls.touch(operation)).await.map(drop),
        };
        outcome.map_err(|status| status.message().to_owned())
    }
}
