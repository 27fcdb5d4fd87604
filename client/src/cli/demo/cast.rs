//! Those who act: one application in each region.

use std::time::Duration;

use sojourn_client::{CausalToken, Changes, Client, Error, Session, SessionId};

use crate::cli::cluster::{LocalCluster, client};
use crate::cli::error::CliError;

const NAMESPACE: &str = "shop";
const TIMEOUT: Duration = Duration::from_secs(5);

/// The application of one region.
pub(crate) struct App {
    client: Client,
}

/// All applications.
pub(crate) struct Cast {
    /// In Europe.
    pub(crate) eu: App,
    /// In America.
    pub(crate) us: App,
    /// In Asia.
    pub(crate) ap: App,
}

impl Cast {
    /// Each application meets the nodes of its region.
    pub(crate) async fn meet(cluster: &LocalCluster) -> Result<Self, CliError> {
        let app = async |region: &str| {
            Ok::<_, CliError>(App { client: client(cluster.state(), Some(region), TIMEOUT).await? })
        };
        Ok(Self { eu: app("eu").await?, us: app("us").await?, ap: app("ap").await? })
    }
}

impl App {
    /// Makes a session.
    pub(crate) async fn create(&self, changes: Changes) -> Result<(SessionId, CausalToken), Error> {
        let created = self.client.create(NAMESPACE).changes(changes).await?;
        Ok((created.id, created.token))
    }

    /// Reads what is at least as new as the token.
    pub(crate) async fn read_after(&self, id: &SessionId, token: &CausalToken) -> Result<Session, Error> {
        Ok(self.client.get(NAMESPACE, id).after(token).await?.session)
    }

    /// Reads what the region has.
    pub(crate) async fn read(&self, id: &SessionId) -> Result<Session, Error> {
        Ok(self.client.get(NAMESPACE, id).await?.session)
    }

    /// Changes a session.
    pub(crate) async fn write(&self, id: &SessionId, changes: Changes) -> Result<CausalToken, Error> {
        Ok(self.client.update(NAMESPACE, id, changes).await?.token)
    }

    /// Changes a session; the answer waits for the disk.
    pub(crate) async fn write_synced(&self, id: &SessionId, changes: Changes) -> Result<CausalToken, Error> {
        let call = self.client.update(NAMESPACE, id, changes);
        Ok(call.durability(sojourn_client::Durability::Synced).await?.token)
    }

    /// Keeps a session alive.
    pub(crate) async fn touch(&self, id: &SessionId) -> Result<(), Error> {
        self.client.touch(NAMESPACE, id).await.map(|_| ())
    }

    /// Ends a session.
    pub(crate) async fn log_out(&self, id: &SessionId) -> Result<(), Error> {
        self.client.revoke(NAMESPACE, id, "logout").await.map(|_| ())
    }
}

/// The reason of an error, or "OK".
pub(crate) fn outcome<T>(result: &Result<T, Error>) -> String {
    result.as_ref().err().map_or_else(|| "OK".to_owned(), |error| error.reason().to_owned())
}
