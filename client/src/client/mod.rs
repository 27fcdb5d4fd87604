//! The client: what every call goes through.

mod attempt;
mod feed;
mod follow;
mod node;
mod routes;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::RwLock;
use sojourn_proto::cluster::v1::cluster_service_client::ClusterServiceClient;
use sojourn_proto::directory::v1::directory_service_client::DirectoryServiceClient;
use sojourn_proto::session::v1::{Consistency, ReadOptions, WriteOptions};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::cache::{Key, ReadCache, Writing};
use crate::calls::{
    BatchGetCall, CreateCall, GetCall, PrincipalReceiptCall, ReceiptCall, RevokeCall, RotateCall, TouchCall,
    UpdateCall,
};
use crate::config::ClientConfig;
use crate::error::Error;
use crate::model::{CausalToken, Changes, SessionId};
use crate::routing::Place;
use crate::runtime::{self, Environment};
use crate::transport::Dialer;
use crate::watch::WatchCall;
use routes::Routes;

/// A connection to a cluster; clones share it. See the crate's page for an example.
///
/// The last clone that is dropped closes the streams.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: ClientConfig,
    cache: Option<ReadCache>,
    environment: Environment,
    dialer: Dialer,
    pub(crate) region: String,
    routes: RwLock<Arc<Routes>>,
    spread: AtomicUsize,
    started: Instant,
    /// Dropped with the last client, which ends the task that follows the layout.
    _alive: oneshot::Sender<()>,
}

/// How one call is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) deadline: Instant,
    /// Whether the answer may rightly take long, because other replicas take part.
    pub(crate) waits: bool,
}

impl Client {
    /// Learns the layout from the first endpoint that answers, and follows it from then on.
    ///
    /// # Errors
    /// The configuration is not usable, or no endpoint answered within `request_timeout_ms`.
    pub async fn connect(config: ClientConfig) -> Result<Self, Error> {
        Self::connect_with(config, Environment::real()).await
    }

    /// As [`Client::connect`], with another way to connect or a fixed seed.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn connect_with(config: ClientConfig, environment: Environment) -> Result<Self, Error> {
        config.validate()?;
        let dialer = Dialer::new(&config, environment.connector.clone())?;
        let seen = follow::first_layout(&config, &environment, &dialer).await?;
        let routes = Routes::new(&seen.layout, &seen.region, &Routes::default(), &dialer, &config)?;
        let (alive, ended) = oneshot::channel();
        let inner = Arc::new(Inner {
            spread: AtomicUsize::new(usize::from(environment.random_key()[0])),
            cache: config.read_cache.clone().map(ReadCache::new),
            config,
            environment,
            dialer,
            region: seen.region,
            routes: RwLock::new(Arc::new(routes)),
            started: runtime::now(),
            _alive: alive,
        });
        runtime::spawn(follow::layout(Arc::downgrade(&inner), ended));
        Ok(Self { inner })
    }

    /// The region whose nodes are asked first.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// Makes a session. A node mints the id; the answer is the only place that shows it.
    ///
    /// An attempt whose answer is lost is made again, which may leave a session
    /// behind that nobody knows the id of; it expires.
    pub fn create(&self, namespace: &str) -> CreateCall<'_> {
        CreateCall::new(self, namespace)
    }

    /// Reads a live session; one that has ended is [`Error::NotFound`],
    /// [`Error::Expired`] or [`Error::Revoked`].
    pub fn get(&self, namespace: &str, id: &SessionId) -> GetCall<'_> {
        GetCall::new(self, namespace, id)
    }

    /// Changes a live session: all of it as one. Never makes a session, never
    /// brings one back. An attempt whose outcome is unknown is repeated at the
    /// same node only, under the same idempotency key, so that its effect never
    /// comes twice; if that node stays silent the call fails.
    pub fn update(&self, namespace: &str, id: &SessionId, changes: Changes) -> UpdateCall<'_> {
        UpdateCall::new(self, namespace, id, changes)
    }

    /// Moves the idle deadline of a live session; the absolute one never moves.
    pub fn touch(&self, namespace: &str, id: &SessionId) -> TouchCall<'_> {
        TouchCall::new(self, namespace, id)
    }

    /// Gives a live session another id; [`RotateCall::changes`] changes it with that, as one.
    /// With a login or step-up among the changes the old id is dead at once, else it is
    /// accepted for a grace, for requests that are under way with it.
    ///
    /// Of rotations at the same time, in whichever regions, one holds everywhere. An
    /// attempt whose outcome is unknown gets the same id when it is made again; it
    /// is made at another node only if it changes no content.
    ///
    /// ```no_run
    /// # use sojourn_client::{Auth, Changes, Client, SessionId};
    /// # async fn log_in(client: Client, id: SessionId) -> Result<SessionId, sojourn_client::Error> {
    /// let login = Changes::new().auth(Auth::new("ada").method("pwd"));
    /// let rotated = client.rotate("shop", &id).changes(login).await?;
    /// # Ok(rotated.id)
    /// # }
    /// ```
    pub fn rotate(&self, namespace: &str, id: &SessionId) -> RotateCall<'_> {
        RotateCall::new(self, namespace, id)
    }

    /// Ends a session for ever, in every region; ending it twice is no error.
    /// `reason`: at most 64 characters of `[a-z0-9_.-]`, for example `logout`.
    pub fn revoke(&self, namespace: &str, id: &SessionId, reason: &str) -> RevokeCall<'_> {
        RevokeCall::new(self, namespace, id, reason)
    }

    /// Asks any region which regions have applied a revocation by now; `token` is the one
    /// of its receipt. A receipt that stays pending everywhere is of a revocation that was
    /// lost with the only node that had it: revoke again.
    pub fn receipt(&self, namespace: &str, id: &SessionId, token: &CausalToken) -> ReceiptCall<'_> {
        ReceiptCall::new(self, namespace, id, token)
    }

    /// As [`Client::receipt`], for [`Client::end_all_sessions`] and [`Client::end_session`].
    pub fn principal_receipt(&self, token: &CausalToken) -> PrincipalReceiptCall<'_> {
        PrincipalReceiptCall::new(self, token)
    }

    /// Reads many sessions, at most 256; each has its own outcome, in the order asked.
    pub fn batch_get(&self, namespace: &str, ids: &[SessionId]) -> BatchGetCall<'_> {
        BatchGetCall::new(self, namespace, ids)
    }

    /// Follows the sessions of a namespace, from now on or from a cursor: what is made,
    /// changed, ended and what expires. Nodes of this client's region are asked first,
    /// each for the partitions that it holds. The client lives at least as long as the feed.
    ///
    /// ```no_run
    /// # async fn follow(client: sojourn_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut watch = client.watch("shop").principal("ada").await?;
    /// while let Some(events) = watch.next().await {
    ///     for event in events? {
    ///         println!("{event:?}");
    ///     }
    ///     std::fs::write("cursor", watch.cursor().to_bytes())?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, namespace: &str) -> WatchCall<'_> {
        WatchCall::new(self, namespace)
    }

    pub(crate) fn prepare_read(&self, timeout_ms: Option<u32>, options: Option<&ReadOptions>) -> Settings {
        let waits = options.is_some_and(|options| waits(options.consistency(), &options.causal_token));
        self.settings(timeout_ms, waits)
    }

    /// Names the write, so that a retry at the same node has no second effect.
    pub(crate) fn prepare_write(&self, timeout_ms: Option<u32>, options: &mut WriteOptions) -> Settings {
        if options.idempotency_key.is_empty() {
            options.idempotency_key = Bytes::copy_from_slice(&self.inner.environment.random_key());
        }
        self.settings(timeout_ms, waits(options.consistency(), &options.causal_token))
    }

    pub(crate) fn cache(&self) -> Option<&ReadCache> {
        self.inner.cache.as_ref()
    }

    /// To be held while a session is written.
    pub(crate) fn writing(&self, namespace: &str, id: &str) -> Option<Writing<'_>> {
        self.cache().map(|cache| cache.writing(Key::of(namespace, id)))
    }

    pub(crate) fn settings(&self, timeout_ms: Option<u32>, waits: bool) -> Settings {
        let timeout_ms = timeout_ms.unwrap_or(self.inner.config.request_timeout_ms).max(1);
        Settings { deadline: runtime::now() + Duration::from_millis(timeout_ms.into()), waits }
    }
}

fn waits(level: Consistency, token: &Bytes) -> bool {
    !token.is_empty() || !matches!(level, Consistency::Unspecified | Consistency::LocalOne)
}

impl Inner {
    fn routes(&self) -> Arc<Routes> {
        self.routes.read().clone()
    }

    /// The cluster service of the node at `address`, whether or not the layout names it.
    pub(crate) fn cluster_at(&self, address: &str) -> Result<ClusterServiceClient<Channel>, Error> {
        let routes = self.routes();
        let known = routes.nodes.iter().find(|node| node.identity.address == address);
        let channel = match known.and_then(|node| node.channel()) {
            Some(channel) => channel,
            None => self.dialer.channel(address, None)?,
        };
        Ok(self.cluster_over(channel))
    }

    fn cluster_over(&self, channel: Channel) -> ClusterServiceClient<Channel> {
        ClusterServiceClient::new(channel).max_decoding_message_size(self.config.message_bytes_max)
    }

    /// The cluster service of every node, best first.
    pub(crate) fn cluster_anywhere(&self) -> Vec<ClusterServiceClient<Channel>> {
        self.channels(Place::Anywhere).into_iter().map(|it| self.cluster_over(it)).collect()
    }

    /// The directory service of every node, best first.
    pub(crate) fn directory_anywhere(&self) -> Vec<DirectoryServiceClient<Channel>> {
        let bytes_max = self.config.message_bytes_max;
        let client = |it| DirectoryServiceClient::new(it).max_decoding_message_size(bytes_max);
        self.channels(Place::Anywhere).into_iter().map(client).collect()
    }

    /// For unary calls about a place: a channel to every node, best first.
    fn channels(&self, place: Place) -> Vec<Channel> {
        let routes = self.routes();
        let order = routes.table.order(place, self.next_spread());
        order.filter_map(|index| routes.nodes.get(index)?.channel()).collect()
    }

    fn set_routes(&self, routes: Routes) {
        *self.routes.write() = Arc::new(routes);
    }

    fn next_spread(&self) -> usize {
        self.spread.fetch_add(1, Ordering::Relaxed)
    }

    fn since_start(&self) -> Duration {
        runtime::now().saturating_duration_since(self.started)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("region", &self.inner.region).finish_non_exhaustive()
    }
}
