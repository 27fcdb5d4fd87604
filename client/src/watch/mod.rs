//! Following sessions: one feed out of those of several nodes.

mod call;
mod cursor;
mod event;
mod line;
mod plan;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{BoxStream, SelectAll, Stream, StreamExt};
use sojourn_proto::feed::v1 as pb;
use tokio::time::Instant;

pub use call::WatchCall;
pub use cursor::{CursorError, WatchCursor};
pub use event::{AttributeChange, Changed, CounterChange, SetChange, WatchEvent, WatchKind};

use self::line::Line;
use crate::client::Inner;
use crate::error::Error;
use crate::runtime;

/// The longest pause before the feed of a partition is asked for again, in milliseconds.
const PAUSE_MS_MAX: u32 = 2_000;

/// A running feed; see [`Client::watch`](crate::Client::watch).
///
/// It is pulled: while nobody asks for the next events the nodes hold nothing for
/// it, and it goes on from their logs. A feed that broke is taken up again, at
/// another node if need be, where it was. Dropping it ends it.
pub struct Watch {
    inner: Arc<Inner>,
    request: pb::WatchRequest,
    /// Partitions that are followed.
    all: BTreeSet<u32>,
    /// The newest cursor read of each; what is in `ready` lies before it.
    read: BTreeMap<u32, Bytes>,
    /// The newest cursor given out of each.
    given: BTreeMap<u32, Bytes>,
    /// Partitions whose first cursor has come.
    begun: BTreeSet<u32>,
    lines: SelectAll<BoxStream<'static, Line>>,
    /// Partitions that no line follows, and when they are asked for again.
    idle: BTreeSet<u32>,
    retry_at: Instant,
    /// Nodes whose feed broke, with how often since they last told something.
    broken: BTreeMap<String, u32>,
    ready: VecDeque<pb::WatchEvents>,
    has_ended: bool,
}

impl Watch {
    /// The next events, oldest first within each partition; never empty. None after an error.
    /// A call that is dropped half-way loses nothing.
    ///
    /// # Errors
    /// The nodes refuse the feed, for example because a cursor is malformed. Nodes that
    /// cannot be reached are no error: the feed waits until one can.
    pub async fn next(&mut self) -> Option<Result<Vec<WatchEvent>, Error>> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                self.give(message.cursors);
                let events: Vec<WatchEvent> =
                    message.events.into_iter().filter_map(WatchEvent::from_wire).collect();
                if !events.is_empty() {
                    return Some(Ok(events));
                }
                continue;
            }
            if self.has_ended {
                return None;
            }
            if let Err(error) = self.step().await {
                self.has_ended = true;
                return Some(Err(error));
            }
        }
    }

    /// Where the feed stands after all events that [`Self::next`] has given out. Keep it
    /// once they are dealt with, and go on with [`WatchCall::from_cursor`].
    #[must_use]
    pub fn cursor(&self) -> WatchCursor {
        WatchCursor::new(self.given.clone())
    }

    /// The feed as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Vec<WatchEvent>, Error>> + Send {
        futures::stream::unfold(self, |mut watch| async move {
            let events = watch.next().await?;
            Some((events, watch))
        })
    }

    /// Waits until every partition is followed.
    async fn begin(&mut self) -> Result<(), Error> {
        while !self.begun.is_superset(&self.all) {
            self.step().await?;
        }
        Ok(())
    }

    /// Waits for one message, or for the time to ask again.
    async fn step(&mut self) -> Result<(), Error> {
        if !self.idle.is_empty() && runtime::now() >= self.retry_at {
            self.plan();
        }
        let line = tokio::select! {
            Some(line) = self.lines.next(), if !self.lines.is_empty() => line,
            () = tokio::time::sleep_until(self.retry_at), if !self.idle.is_empty() => return Ok(()),
            else => {
                self.idle = self.all.clone();
                return Ok(());
            }
        };
        match line {
            Line::Message { node, message } => {
                self.broken.remove(&node);
                self.begun.extend(message.cursors.iter().map(|it| it.partition));
                let cursors = message.cursors.iter();
                self.read.extend(cursors.map(|it| (it.partition, it.cursor.clone())));
                self.ready.push_back(message);
                Ok(())
            }
            Line::Broken { error, .. } if is_final(&error) => Err(error),
            Line::Broken { node, partitions, error } => {
                tracing::debug!(%error, node, partitions = partitions.len(), "a feed broke; it is taken up again");
                self.idle.extend(partitions);
                let failures = self.broken.entry(node).or_default();
                *failures = failures.saturating_add(1);
                self.retry_at = runtime::now() + self.inner.feed_pause(*failures, PAUSE_MS_MAX);
                Ok(())
            }
        }
    }

    fn give(&mut self, cursors: Vec<pb::PartitionCursor>) {
        self.given.extend(cursors.into_iter().map(|it| (it.partition, it.cursor)));
    }
}

/// Whether no node would take the feed.
fn is_final(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidArgument(_) | Error::LimitExceeded(_) | Error::PermissionDenied(_) | Error::Config(_)
    )
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("partitions", &self.all.len()).finish_non_exhaustive()
    }
}
