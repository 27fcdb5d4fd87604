//! What the core is told and what it wants done.

use std::sync::Arc;

use super::{PartitionDigests, Topology};
use crate::engine::{ClockVerdict, Gap, LogEntry};
use crate::replication::vectors::PartitionVectors;
use crate::session::{Dot, Origin, Partition, ReplicaId};

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The membership or the layout changed.
    Topology(Topology),
    /// A link is open; both sides have said who they are. Replaces an older link.
    Connected {
        /// The peer and which of its starts.
        peer: Origin,
        /// Tells this link from earlier ones of the same peer.
        link: u64,
    },
    /// A link is closed.
    Disconnected {
        /// The peer.
        peer: ReplicaId,
        /// Which link.
        link: u64,
    },
    /// This node wrote.
    Committed(Vec<Arc<LogEntry>>),
    /// The feed of this node's writes was too far behind and skipped some.
    CommitsSkipped,
    /// A batch went through the engine.
    EntriesApplied {
        /// Who sent it.
        from: ReplicaId,
        /// On which link.
        link: u64,
        /// How many entries it had.
        taken: u64,
        /// Those that are new and to be passed on within this region.
        pass_on: Vec<Arc<LogEntry>>,
    },
    /// Entries that asked for confirmation survive a power loss here.
    EntriesSynced(Vec<(Partition, Dot)>),
    /// A message other than entries.
    Received {
        /// Who sent it.
        from: ReplicaId,
        /// On which link.
        link: u64,
        /// The message.
        message: Message,
    },
    /// The answer to [`Effect::ReadLog`].
    LogRead {
        /// For whom it was read.
        peer: ReplicaId,
        /// For which link.
        link: u64,
        /// What was read.
        range: (Partition, Origin),
        /// What came of it.
        outcome: LogRead,
    },
    /// The end of what [`Effect::StartTransfer`] began.
    TransferEnded {
        /// The partition.
        partition: Partition,
        /// The entries that came with it, once everything was received, merged and
        /// synced; none if it ended early.
        brought: Option<Vec<(Partition, Dot)>>,
    },
    /// [`super::Core::wake_at`] is due.
    Tick,
}

/// What came of reading the log.
#[derive(Debug)]
pub enum LogRead {
    /// The entries after the position asked for, ascending; none if there are no more.
    Entries(Vec<Arc<LogEntry>>),
    /// The log no longer reaches back that far.
    Truncated,
}

/// A message on a link other than entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// How many entries were taken from this link so far.
    BatchAck {
        /// Counted since the link was opened.
        entries: u64,
    },
    /// These entries of the receiver are applied and synced here.
    Applied(Applied),
    /// What is equal where both hold the same.
    Hashes(Hashes),
    /// The digests of the shared partitions, of which the vectors agree; none if all are equal.
    Digests(PartitionDigests),
    /// The vectors of the shared partitions.
    Vectors {
        /// By partition.
        vectors: PartitionVectors,
        /// The receiver answers with its own.
        reply_wanted: bool,
    },
    /// The log does not reach back to what the receiver lacks of these partitions.
    LogTruncated(Vec<Partition>),
    /// The newest layout that the sender knows of. All that it sent before, it sent
    /// without knowing that layout.
    LayoutVersion(u64),
    /// Asks what the receiver holds of partitions, once it knows this layout.
    SyncRequest {
        /// The layout that the sender wants to sync.
        layout_version: u64,
        /// Ascending.
        partitions: Vec<Partition>,
    },
    /// Whoever holds all of this has synced from the sender.
    SyncPoint {
        /// As in the request.
        layout_version: u64,
        /// All that the sender holds, entries beyond a hole included.
        vectors: PartitionVectors,
    },
    /// Asks of which gaps of the sender the receiver holds something.
    GapsAsked(Vec<Gap>),
    /// Those asked about of which the sender holds nothing either.
    GapsShared(Vec<Gap>),
    /// The highest entries that the sender holds of shared partitions, as far as they
    /// have changed since the last time on this link; a heartbeat follows.
    Seen(PartitionVectors),
    /// Liveness and round trip.
    Heartbeat(Beat),
}

/// What is equal where two nodes hold the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// Over the vectors of the shared partitions.
    pub vectors: u128,
    /// Over the digests of their records.
    pub digests: u128,
    /// The receiver answers also if both are equal: they were not before.
    pub differed: bool,
}

/// Confirms single entries to the replica that made them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Which start of the receiver made them.
    pub incarnation: u32,
    /// Partition and sequence number.
    pub dots: Vec<(Partition, u64)>,
}

/// A heartbeat; what is in microseconds is monotonic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// The sender's monotonic clock.
    pub sent_us: u64,
    /// The last `sent_us` the sender received; 0: none.
    pub echo_us: u64,
    /// How long the sender held that.
    pub held_us: u64,
    /// The sender's wall clock, in milliseconds since the Unix epoch; 0: not told.
    pub wall_ms: u64,
}

/// Why a link is closed by this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Nothing was heard for too long.
    Silent,
    /// The peer is no longer part of the cluster.
    Removed,
    /// It confirmed what was never sent.
    Protocol,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send entries on the peer's link.
    SendEntries {
        /// The peer.
        to: ReplicaId,
        /// In this order.
        entries: Vec<Arc<LogEntry>>,
        /// It passes them on within its region.
        relay: bool,
    },
    /// Send a message on the peer's link.
    Send {
        /// The peer.
        to: ReplicaId,
        /// The message.
        message: Message,
    },
    /// Read an origin's entries from the log and report [`Event::LogRead`].
    ReadLog {
        /// For whom.
        peer: ReplicaId,
        /// For which link.
        link: u64,
        /// The partition.
        partition: Partition,
        /// The origin.
        origin: Origin,
        /// Entries with a greater number than this.
        after: u64,
        /// About how many bytes of fragments at most.
        bytes_max: usize,
    },
    /// Ask a peer for all records of a partition, then report [`Event::TransferEnded`].
    StartTransfer {
        /// The peer.
        from: ReplicaId,
        /// The partition.
        partition: Partition,
    },
    /// This node holds all entries that it needs for a layout. Complete the partial
    /// records, make all of it last, then tell the membership. Comes again until
    /// the membership says so.
    Synced {
        /// The layout.
        layout_version: u64,
        /// The partitions that were synced.
        partitions: Vec<Partition>,
    },
    /// Go on without entries that no node holds any more.
    PassOver(Gap),
    /// Tell the engine what the peers' clocks say about this node's.
    Clock(ClockVerdict),
    /// Close the peer's link; it may be opened again.
    Close {
        /// The peer.
        peer: ReplicaId,
        /// Why.
        reason: CloseReason,
    },
}
