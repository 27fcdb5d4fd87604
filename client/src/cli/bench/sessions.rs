//! The sessions that the calls are about.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use sojourn_client::{Changes, Client, SessionId};

use crate::cli::error::CliError;

/// Their namespace.
pub(crate) const NAMESPACE: &str = "bench";

/// The shape of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content {
    /// Attributes.
    pub(crate) fields: u32,
    /// Bytes of each value.
    pub(crate) value_bytes: u32,
}

impl Content {
    /// The name of an attribute.
    pub(crate) fn field(self, number: u64) -> String {
        format!("f{}", number % u64::from(self.fields.max(1)))
    }

    /// A value that differs from call to call.
    pub(crate) fn value(self, number: u64) -> Bytes {
        let mut value = vec![0x61; self.value_bytes as usize];
        for (byte, digit) in value.iter_mut().zip(number.to_le_bytes()) {
            *byte = digit;
        }
        value.into()
    }

    /// All attributes.
    pub(crate) fn whole(self) -> Changes {
        (0..u64::from(self.fields))
            .fold(Changes::new(), |changes, field| changes.set(self.field(field), self.value(field)))
    }
}

/// Makes sessions, so many at a time.
pub(crate) async fn create(
    client: &Client,
    content: Content,
    count: usize,
    callers: usize,
) -> Result<Arc<[SessionId]>, CliError> {
    let create = |_| async move {
        let created = client.create(NAMESPACE).changes(content.whole()).await?;
        Ok::<_, CliError>(created.id)
    };
    let ids: Vec<SessionId> =
        stream::iter(0..count).map(create).buffer_unordered(callers).try_collect().await?;
    Ok(ids.into())
}
