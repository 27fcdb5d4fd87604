//! One planned call through the client library.

use sojourn_client::{CausalToken, Client, Consistency, Durability, Error, SessionId as Secret};
use sojourn_proto::session::v1 as pb;

use super::super::content::{NAMESPACE, changes, content, wire_changes};
use crate::plan::{self, Action, PlannedOperation, Shape};
use crate::record::{IdName, Shown};

/// A call that succeeded.
pub(super) struct Done {
    /// Who answered, or made the write.
    pub(super) replica: u32,
    pub(super) token: CausalToken,
    /// Of a read.
    pub(super) shown: Option<Shown>,
    /// Of a creation or a rotation.
    pub(super) id: Option<Secret>,
}

/// What a call is made with.
pub(super) struct Call<'a> {
    pub(super) client: &'a Client,
    pub(super) shape: &'a Shape,
    pub(super) operation: &'a PlannedOperation,
    pub(super) number: usize,
    /// The session, unless it is being made.
    pub(super) id: Option<&'a Secret>,
    /// Its name.
    pub(super) shows: IdName,
    pub(super) token: Option<CausalToken>,
}

/// The idempotency key of an operation; a rotation's must not be short.
pub(super) fn key(number: usize) -> String {
    format!("operation number {number}")
}

impl Call<'_> {
    pub(super) async fn make(&self) -> Result<Done, Error> {
        match (self.operation.action, self.id) {
            (Action::Create, _) => self.create().await,
            (Action::LogOutEverywhere { principal }, _) => self.log_out_everywhere(principal).await,
            (Action::Read, Some(id)) => self.read(id).await,
            (Action::Touch, Some(id)) => self.touch(id).await,
            (Action::Rotate { grace_ms }, Some(id)) => self.rotate(id, grace_ms).await,
            (Action::Revoke, Some(id)) => self.revoke(id).await,
            (_, Some(id)) => self.update(id).await,
            (_, None) => Err(Error::NotFound),
        }
    }

    async fn create(&self) -> Result<Done, Error> {
        let born = changes(self.operation.action, self.number).unwrap_or_default();
        let call = self.client.create(NAMESPACE).changes(born).idempotency_key(key(self.number));
        let call = call.idle_timeout_ms(self.shape.idle_timeout_ms);
        let call = call.absolute_timeout_ms(self.shape.absolute_timeout_ms);
        let made = set(call, self).await?;
        Ok(Done { replica: made.replica_id, token: made.token, shown: None, id: Some(made.id) })
    }

    async fn read(&self, id: &Secret) -> Result<Done, Error> {
        let call = self.client.get(NAMESPACE, id).timeout_ms(self.timeout_ms());
        let call = call.consistency(match self.operation.consistency {
            plan::Consistency::LocalOne => Consistency::LocalOne,
            plan::Consistency::LocalQuorum => Consistency::LocalQuorum,
            plan::Consistency::EachQuorum | plan::Consistency::All => Consistency::All,
        });
        let call = match &self.token {
            Some(token) => call.after(token),
            None => call,
        };
        let read = call.await?;
        let id = Some(self.shows).filter(|_| !read.id_replaced);
        let shown = Some(Shown::Live(content(&read.session, id)));
        Ok(Done { replica: read.replica_id, token: read.token, shown, id: None })
    }

    async fn touch(&self, id: &Secret) -> Result<Done, Error> {
        let touched = set(self.client.touch(NAMESPACE, id).idempotency_key(key(self.number)), self).await?;
        Ok(Done { replica: touched.replica_id, token: touched.token, shown: None, id: None })
    }

    async fn rotate(&self, id: &Secret, grace_ms: u32) -> Result<Done, Error> {
        let call = self.client.rotate(NAMESPACE, id).grace_ms(grace_ms).idempotency_key(key(self.number));
        let rotated = set(call, self).await?;
        Ok(Done { replica: rotated.replica_id, token: rotated.token, shown: None, id: Some(rotated.id) })
    }

    async fn revoke(&self, id: &Secret) -> Result<Done, Error> {
        let call = self.client.revoke(NAMESPACE, id, "logout").idempotency_key(key(self.number));
        let revoked = set(call, self).await?;
        Ok(Done { replica: revoked.replica_id, token: revoked.token, shown: None, id: None })
    }

    async fn log_out_everywhere(&self, principal: u8) -> Result<Done, Error> {
        let call = self.client.end_all_sessions(NAMESPACE, &format!("p{principal}"));
        let call = call.idempotency_key(key(self.number));
        let replica = call.levels(self.level(), self.durability(), self.timeout_ms()).await?.replica_id;
        // What it did is in another partition than the session's.
        let token = self.token.clone().unwrap_or_default();
        Ok(Done { replica, token, shown: None, id: None })
    }

    async fn update(&self, id: &Secret) -> Result<Done, Error> {
        let changes = changes(self.operation.action, self.number).unwrap_or_default();
        let call = self.client.update(NAMESPACE, id, changes).idempotency_key(key(self.number));
        let updated = set(call, self).await?;
        Ok(Done { replica: updated.replica_id, token: updated.token, shown: None, id: None })
    }

    /// The same change once more, for the node that made it; none for what is no change.
    pub(super) fn repetition(&self) -> Option<pb::UpdateRequest> {
        let options = pb::WriteOptions { idempotency_key: key(self.number).into(), ..Default::default() };
        Some(pb::UpdateRequest {
            namespace: NAMESPACE.to_owned(),
            session_id: self.id?.reveal().to_owned(),
            changes: Some(wire_changes(self.operation.action, self.number)?),
            options: Some(options),
            ..Default::default()
        })
    }

    fn timeout_ms(&self) -> u32 {
        u32::try_from(self.operation.timeout_ms).unwrap_or(u32::MAX)
    }

    fn level(&self) -> Consistency {
        match self.operation.consistency {
            plan::Consistency::LocalOne => Consistency::LocalOne,
            plan::Consistency::LocalQuorum => Consistency::LocalQuorum,
            plan::Consistency::EachQuorum => Consistency::EachQuorum,
            plan::Consistency::All => Consistency::All,
        }
    }

    fn durability(&self) -> Durability {
        match self.operation.durability {
            plan::Durability::Buffered => Durability::Buffered,
            plan::Durability::Synced => Durability::Synced,
        }
    }
}

/// Gives a write what all writes have.
fn set<C: Write>(call: C, with: &Call<'_>) -> C {
    let call = call.levels(with.level(), with.durability(), with.timeout_ms());
    match &with.token {
        Some(token) => call.show(token),
        None => call,
    }
}

/// What all writes of the client library have in common.
trait Write: Sized {
    fn levels(self, level: Consistency, durability: Durability, timeout_ms: u32) -> Self;
    fn show(self, token: &CausalToken) -> Self;
}

macro_rules! writes {
    ($($call:ident),*) => {$(
        impl Write for sojourn_client::$call<'_> {
            fn levels(self, level: Consistency, durability: Durability, timeout_ms: u32) -> Self {
                self.consistency(level).durability(durability).timeout_ms(timeout_ms)
            }

            fn show(self, token: &CausalToken) -> Self {
                self.after(token)
            }
        }
    )*};
}

writes!(CreateCall, UpdateCall, TouchCall, RotateCall, RevokeCall, EndAllSessionsCall);

/// A token that names writes nobody has made: so many of replica 1's first start.
pub(super) fn forged(partition: u16) -> CausalToken {
    let mut bytes = vec![1];
    for mut value in [u64::from(partition), 1, 1, 1, 1 << 40] {
        while value >= 0x80 {
            bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    }
    CausalToken::from_bytes(bytes)
}
