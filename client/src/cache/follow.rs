//! Dropping what the change feed says is old.

use std::time::Duration;

use tokio::sync::oneshot;

use super::ReadCache;
use crate::client::Client;
use crate::config::check;
use crate::error::Error;
use crate::runtime;
use crate::watch::{Watch, WatchEvent, WatchKind};

/// The pause before a feed that was refused is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// While it lives, the read cache drops sessions of one namespace as soon as the change
/// feed tells of them; see [`Client::follow_cache`].
#[derive(Debug)]
#[must_use = "the cache follows the feed as long as this lives"]
pub struct CacheFollow {
    _alive: oneshot::Sender<()>,
}

impl Client {
    /// Lets the read cache follow the change feed of a namespace: what is changed, ended or
    /// expired elsewhere is dropped when the feed of the nearest replica tells of it, most
    /// often long before `age_max_ms`, which holds all the same.
    ///
    /// # Errors
    /// [`Error::Config`] without [`ClientConfig::read_cache`](crate::ClientConfig::read_cache);
    /// else as [`Client::watch`].
    pub async fn follow_cache(&self, namespace: &str) -> Result<CacheFollow, Error> {
        check("read_cache", self.cache().is_some(), "must be set: nothing is kept without it")?;
        let watch = self.watch(namespace).await?;
        self.cache().into_iter().for_each(ReadCache::forget_all);
        let (alive, ended) = oneshot::channel();
        runtime::spawn(follow_until(ended, self.clone(), namespace.to_owned(), watch));
        Ok(CacheFollow { _alive: alive })
    }
}

async fn follow_until(ended: oneshot::Receiver<()>, client: Client, namespace: String, watch: Watch) {
    tokio::select! {
        _ = ended => {}
        () = follow(&client, &namespace, watch) => {}
    }
}

async fn follow(client: &Client, namespace: &str, mut watch: Watch) {
    let Some(cache) = client.cache() else { return };
    loop {
        while let Some(Ok(events)) = watch.next().await {
            events.iter().for_each(|event| heed(cache, event));
        }
        watch = loop {
            tokio::time::sleep(PAUSE).await;
            match client.watch(namespace).await {
                Ok(watch) => break watch,
                Err(error) => tracing::debug!(%error, "the read cache cannot follow the change feed"),
            }
        };
        // Whatever happened in between was not told.
        cache.forget_all();
    }
}

fn heed(cache: &ReadCache, event: &WatchEvent) {
    match (&event.kind, &event.principal) {
        (WatchKind::Missed { .. }, _) => cache.forget_all(),
        (WatchKind::LoggedOut { .. }, Some(principal)) => cache.log_out(principal),
        _ => cache.tell(event.key),
    }
}
