//! What to follow.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::IntoFuture;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::SelectAll;
use sojourn_proto::feed::v1 as pb;

use super::{Watch, WatchCursor};
use crate::client::Client;
use crate::error::Error;
use crate::model::SessionId;
use crate::routing::Place;
use crate::runtime;

/// Follows sessions; see [`Client::watch`].
#[must_use = "a feed begins when it is awaited"]
pub struct WatchCall<'c> {
    client: &'c Client,
    request: pb::WatchRequest,
    cursor: WatchCursor,
    timeout_ms: u32,
}

impl<'c> WatchCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str) -> Self {
        let request = pb::WatchRequest { namespace: namespace.to_owned(), ..pb::WatchRequest::default() };
        let timeout_ms = client.inner.config.request_timeout_ms;
        Self { client, request, cursor: WatchCursor::default(), timeout_ms }
    }

    /// Only sessions of this principal. What happens to a session whose principal a node
    /// does not know is told all the same.
    pub fn principal(mut self, principal: &str) -> Self {
        principal.clone_into(&mut self.request.principal);
        self
    }

    /// Only this session.
    pub fn session(mut self, id: &SessionId) -> Self {
        id.reveal().clone_into(&mut self.request.session_id);
        self
    }

    /// Also tell what was written, not only under which names.
    pub fn include_values(mut self) -> Self {
        self.request.include_values = true;
        self
    }

    /// With the end of a session also tell how it was before, as far as the nodes remember.
    pub fn final_state(mut self) -> Self {
        self.request.final_state = true;
        self
    }

    /// Goes on where an earlier feed stood. Default: from now on.
    pub fn from_cursor(mut self, cursor: WatchCursor) -> Self {
        self.cursor = cursor;
        self
    }

    /// How long the beginning may take, in milliseconds. Default: the configuration's
    /// `request_timeout_ms`.
    pub fn timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }

    async fn send(self) -> Result<Watch, Error> {
        let inner = self.client.inner.clone();
        let mut all: BTreeSet<u32> = match self.request.session_id.as_str() {
            "" => inner.partitions(),
            id => inner.partition_of(Place::of(&self.request.namespace, id)).into_iter().collect(),
        };
        if all.is_empty() {
            return Err(Error::unavailable("the layout has no partitions yet"));
        }
        // What ends sessions through their principal is told there.
        all.insert(inner.partition_count());
        let given: BTreeMap<_, _> = self
            .cursor
            .into_partitions()
            .into_iter()
            .filter(|(partition, _)| all.contains(partition))
            .collect();
        let mut watch = Watch {
            inner,
            request: self.request,
            idle: all.clone(),
            all,
            read: given.clone(),
            given,
            begun: BTreeSet::new(),
            lines: SelectAll::new(),
            retry_at: runtime::now(),
            broken: BTreeMap::new(),
            ready: VecDeque::new(),
            has_ended: false,
        };
        let limit = Duration::from_millis(self.timeout_ms.max(1).into());
        match tokio::time::timeout(limit, watch.begin()).await {
            Ok(begun) => begun.map(|()| watch),
            Err(_) => Err(Error::DeadlineExceeded),
        }
    }
}

impl<'c> IntoFuture for WatchCall<'c> {
    type Output = Result<Watch, Error>;
    type IntoFuture = BoxFuture<'c, Result<Watch, Error>>;

    /// Begins: what happens from its end on is told. Fails if not all partitions can be
    /// followed in time.
    fn into_future(self) -> Self::IntoFuture {
        self.send().boxed()
    }
}
