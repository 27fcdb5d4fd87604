//! One open link: registers it with the core and takes what comes in.

use std::sync::Arc;

use futures::Stream;
use sojourn_proto::replication::v1 as pb;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::outgoing::{Outgoing, Sending, frames};
use super::wire::{self, Inbound};
use super::{OpenLink, Shared, hello};
use crate::replication::batch::{self, BatchContext, BatchLimits};
use crate::replication::core::Event;
use crate::replication::taking::Taking;
use crate::session::{Dot, Origin, Partition, ReplicaId};

/// Messages that wait for a link's stream. Entries are bounded in bytes by the
/// core; this bounds everything else. A link that cannot keep up is closed.
const QUEUE_MESSAGES_MAX: usize = 65_536;

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkEnd {
    #[error("closed by this node")]
    Closed,
    #[error("closed by the peer")]
    PeerClosed,
    #[error("{0}")]
    Stream(#[from] Status),
    #[error("{0}")]
    Frame(#[from] wire::FrameError),
    #[error("{0}")]
    Batch(#[from] batch::BatchError),
    #[error("cannot apply entries: {0}")]
    Apply(#[from] crate::replication::seam::ReplicaError),
}

/// A link whose stream exists but whose peer has not said who it is.
pub(super) struct NewLink {
    sender: mpsc::Sender<Outgoing>,
    closed: CancellationToken,
}

impl Shared {
    /// A link to `to` and the frames to send on it.
    pub(super) fn new_link(
        &self,
        to: ReplicaId,
    ) -> (NewLink, impl Stream<Item = pb::Frame> + Send + 'static + use<>) {
        let (sender, queue) = mpsc::channel(QUEUE_MESSAGES_MAX);
        let closed = self.stopping.child_token();
        let membership = self.membership.borrow().clone();
        let region = |replica: ReplicaId| membership.nodes.get(&replica).map(|node| node.region.as_str());
        let remote = region(to) != region(self.me.replica);
        let sending = Sending {
            encoder: batch::Encoder::new(BatchContext {
                sender: self.me,
                partition_count: membership.layout.partition_count,
            }),
            entries_max: self.config.batch_entries_max,
            bytes_max: self.config.batch_bytes_max,
            compress_bytes_min: if remote { self.config.compress_bytes_min } else { usize::MAX },
            wan_sent_bytes: remote.then(|| self.wan_sent_bytes.clone()),
        };
        let first = hello::hello(&membership, self.me);
        let frames = frames(first, queue, sending, closed.clone());
        (NewLink { sender, closed }, frames)
    }

    /// Runs a link until it ends.
    pub(super) async fn run_link(
        self: &Arc<Self>,
        peer: Origin,
        new: NewLink,
        mut inbound: Streaming<pb::Frame>,
    ) -> LinkEnd {
        let closed = new.closed.clone();
        let id = self.register(peer, new);
        tracing::info!(peer = %peer.replica, "replication link is open");
        let end = tokio::select! {
            () = closed.cancelled() => LinkEnd::Closed,
            end = self.take_all(peer, id, &mut inbound) => end,
        };
        self.unregister(peer.replica, id);
        tracing::info!(peer = %peer.replica, reason = %end, "replication link is closed");
        end
    }

    fn register(self: &Arc<Self>, peer: Origin, new: NewLink) -> u64 {
        let id = {
            let mut state = self.state.lock();
            state.links_opened += 1;
            let id = state.links_opened;
            let link = OpenLink { id, sender: new.sender, closed: new.closed };
            if let Some(older) = state.links.insert(peer.replica, link) {
                older.closed.cancel();
            }
            id
        };
        self.handle(Event::Connected { peer, link: id });
        id
    }

    fn unregister(self: &Arc<Self>, peer: ReplicaId, id: u64) {
        {
            let mut state = self.state.lock();
            if state.links.get(&peer).is_some_and(|link| link.id == id)
                && let Some(link) = state.links.remove(&peer)
            {
                link.closed.cancel();
            }
        }
        self.handle(Event::Disconnected { peer, link: id });
    }

    async fn take_all(
        self: &Arc<Self>,
        peer: Origin,
        id: u64,
        inbound: &mut Streaming<pb::Frame>,
    ) -> LinkEnd {
        let partition_count = self.membership.borrow().layout.partition_count;
        let mut decoder = batch::Decoder::new(BatchContext { sender: peer, partition_count });
        loop {
            let frame = match inbound.message().await {
                Ok(Some(frame)) => frame,
                Ok(None) => return LinkEnd::PeerClosed,
                Err(status) => return status.into(),
            };
            if let Err(end) = self.take(peer, id, frame, &mut decoder).await {
                return end;
            }
        }
    }

    async fn take(
        self: &Arc<Self>,
        peer: Origin,
        id: u64,
        frame: pb::Frame,
        decoder: &mut batch::Decoder,
    ) -> Result<(), LinkEnd> {
        match wire::decode(frame)? {
            Inbound::Batch(bytes) => {
                let limits = BatchLimits {
                    // Twice this node's own limit, so that nodes may be reconfigured one by one.
                    raw_bytes_max: self.config.batch_bytes_max * 2,
                    entries_max: self.config.batch_entries_max * 2,
                };
                self.take_batch(peer, id, decoder.decode(bytes, limits)?).await
            }
            Inbound::Message(message) => {
                self.acks.hear(self.me, peer.replica, &message);
                self.handle(Event::Received { from: peer.replica, link: id, message });
                Ok(())
            }
        }
    }

    async fn take_batch(
        self: &Arc<Self>,
        peer: Origin,
        id: u64,
        decoded: batch::DecodedBatch,
    ) -> Result<(), LinkEnd> {
        let partition_count = self.membership.borrow().layout.partition_count;
        let taking = Taking::new(&decoded, partition_count);
        let applied = self.replica.apply(decoded.entries).await?;
        let (event, asked) = taking.done(peer.replica, id, applied);
        self.handle(event);
        if !asked.is_empty() {
            self.spawn("replication.confirm", self.clone().confirm_once_synced(asked));
        }
        Ok(())
    }

    /// Aside, so that the link takes more entries meanwhile: all of them share the next sync.
    async fn confirm_once_synced(self: Arc<Self>, dots: Vec<(Partition, Dot)>) {
        match self.replica.synced().await {
            Ok(()) => self.handle(Event::EntriesSynced(dots)),
            Err(error) => tracing::warn!(%error, "entries cannot be confirmed"),
        }
    }
}
