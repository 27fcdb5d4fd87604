//! `sojourn.feed.v1.FeedService`: following sessions.
//!
//! A stream is pulled: it reads the log only when the caller has room for more, so a
//! slow caller holds no memory here and goes on from the log, as far back as that reaches.

mod cursor;
mod expiries;
mod request;
mod telling;
mod watcher;

use std::pin::Pin;
use std::sync::Arc;

use futures::stream::{Stream, StreamExt};
use sojourn_proto::feed::v1 as pb;
use sojourn_proto::feed::v1::feed_service_server::FeedService;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use self::watcher::Watcher;
use super::handler::Handler;
use super::status::{Failure, Reason};

/// The service.
pub(super) struct Feeds {
    handler: Arc<Handler>,
    stopping: CancellationToken,
    watches: Arc<Semaphore>,
}

impl Feeds {
    /// Streams end when `stopping` is cancelled.
    #[must_use]
    pub(super) fn new(handler: Arc<Handler>, stopping: CancellationToken) -> Self {
        let watches = Arc::new(Semaphore::new(handler.config.feed_watches_max));
        Self { handler, stopping, watches }
    }

    fn begin(&self, request: pb::WatchRequest) -> Result<Watcher, Failure> {
        self.handler.refuse_if_unready()?;
        let watch = request::read(request, &self.handler)?;
        let permit = self.watches.clone().try_acquire_owned().map_err(|_| {
            let message = "too many feeds are followed at this node (api.feed_watches_max)";
            Failure::new(Reason::Overloaded, message)
        })?;
        Ok(Watcher::new(self.handler.clone(), watch, permit))
    }
}

#[tonic::async_trait]
impl FeedService for Feeds {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<pb::WatchEvents, Status>> + Send>>;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let watcher = self.begin(request.into_inner()).map_err(Failure::into_status)?;
        let messages = futures::stream::try_unfold(watcher, |mut watcher| async move {
            let message = watcher.next().await.map_err(Failure::into_status)?;
            Ok(Some((message, watcher)))
        });
        let until_stopped = messages.take_until(self.stopping.clone().cancelled_owned());
        Ok(Response::new(Box::pin(until_stopped)))
    }
}
