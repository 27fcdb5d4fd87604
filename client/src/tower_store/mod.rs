//! Cookie sessions of axum and tower applications, kept in Sojourn.

mod record;

use std::fmt;

use async_trait::async_trait;
use tower_sessions::SessionStore;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store;

use crate::client::Client;
use crate::error::Error;
use crate::model::SessionId;
use record::{Base, changes, record_of, take_base};

/// The absolute time-out where the application asks for no longer life: 12 hours.
const ABSOLUTE_TIMEOUT_MS: u64 = 12 * 60 * 60 * 1_000;
/// The framework draws 128 random bits, so even one collision is not to be expected.
const COLLISIONS_MAX: usize = 3;
const DELETE_REASON: &str = "deleted";

/// A store for [`tower_sessions`], in three lines:
///
/// ```no_run
/// # use sojourn_client::{Client, ClientConfig, SojournStore, TlsConfig};
/// # use tower_sessions::SessionManagerLayer;
/// # async fn serve(config: ClientConfig, app: axum::Router) -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::connect(config).await?;
/// let sessions = SessionManagerLayer::new(SojournStore::new(client, "shop"));
/// let app = app.layer(sessions);
/// # let _: axum::Router = app;
/// # Ok(())
/// # }
/// ```
///
/// - Each key of the session is an attribute of its own, as JSON. `save` writes
///   only what the request changed, so concurrent requests, also in different
///   regions, each keep their own fields.
/// - `save` never brings a session back: if it was revoked or has expired in the
///   meantime, `save` fails. `delete` revokes, for ever and in every region.
/// - The id is minted by the framework, so the nodes must allow adopted ids for
///   the namespace.
/// - The expiry at creation is the idle time-out. A `save` that moves the expiry
///   ahead moves the idle deadline; one that leaves it (`Expiry::AtDateTime`)
///   does not. The absolute time-out never moves: see
///   [`SojournStore::absolute_timeout_ms`].
///
/// Do not put a cache in front (`CachingSessionStore`): it would hide what other
/// regions wrote, revocations above all.
#[derive(Clone)]
pub struct SojournStore {
    client: Client,
    namespace: String,
    absolute_timeout_ms: u64,
}

impl SojournStore {
    /// Keeps sessions in a namespace: 1 to 64 characters of `[a-z0-9_.-]`.
    #[must_use]
    pub fn new(client: Client, namespace: impl Into<String>) -> Self {
        Self { client, namespace: namespace.into(), absolute_timeout_ms: ABSOLUTE_TIMEOUT_MS }
    }

    /// How long a session may live however much it is used, in milliseconds, if
    /// the expiry at creation is not later. Default: 12 hours.
    #[must_use]
    pub fn absolute_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.absolute_timeout_ms = timeout_ms;
        self
    }

    async fn create_once(&self, record: &Record) -> Result<(), Error> {
        let idle_ms = remaining_ms(record.expiry_date);
        let created = self
            .client
            .create(&self.namespace)
            .adopted_id(&id_of(&record.id))
            .idle_timeout_ms(idle_ms)
            .absolute_timeout_ms(self.absolute_timeout_ms.max(idle_ms))
            .changes(changes(&Base::default(), &record.data)?);
        created.await.map(drop)
    }

    async fn load_live(&self, id: &Id) -> Result<Option<Record>, Error> {
        match self.client.get(&self.namespace, &id_of(id)).await {
            Ok(read) => record_of(*id, &read.session).map(Some),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn save_changes(&self, record: &Record) -> Result<(), Error> {
        let mut data = record.data.clone();
        let base = match take_base(&mut data) {
            Some(base) => base,
            // The application cleared the session, and with it what was loaded.
            None => self.current_base(&record.id).await?,
        };
        let changes = changes(&base, &data)?;
        let touch = base.is_outlived_by(record.expiry_date);
        if changes.is_empty() && !touch {
            return Ok(());
        }
        let update = self.client.update(&self.namespace, &id_of(&record.id), changes);
        let update = if touch { update.touch() } else { update };
        update.await.map(drop)
    }

    async fn current_base(&self, id: &Id) -> Result<Base, Error> {
        let read = self.client.get(&self.namespace, &id_of(id)).await?;
        Base::of(&read.session)
    }
}

#[async_trait]
impl SessionStore for SojournStore {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        // What was loaded under another id says nothing about the new session.
        drop(take_base(&mut record.data));
        for _ in 0..COLLISIONS_MAX {
            match self.create_once(record).await {
                Err(Error::AlreadyExists) => record.id = Id::default(),
                Err(error) => return Err(failed(&error)),
                Ok(()) => {
                    let base = Base::written(&record.data, record.expiry_date);
                    base.put(&mut record.data).map_err(|error| failed(&error))?;
                    return Ok(());
                }
            }
        }
        Err(failed(&Error::AlreadyExists))
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.save_changes(record).await.map_err(|error| failed(&error))
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.load_live(id).await.map_err(|error| failed(&error))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        match self.client.revoke(&self.namespace, &id_of(id), DELETE_REASON).await {
            Ok(_) | Err(Error::NotFound | Error::Revoked(_)) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn failed(error: &Error) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

fn id_of(id: &Id) -> SessionId {
    SessionId::from(id.to_string())
}

/// How long until then, in milliseconds, at least one.
fn remaining_ms(then: OffsetDateTime) -> u64 {
    let remaining = then - OffsetDateTime::now_utc();
    u64::try_from(remaining.whole_milliseconds()).unwrap_or(0).max(1)
}

impl fmt::Debug for SojournStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SojournStore").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
