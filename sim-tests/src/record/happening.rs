//! The vocabulary in which both levels tell what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::plan::{FaultClass, NodeId, SessionId};

/// In place of the hash of a state that the disk has lost.
pub const LOST_RECORD: u128 = 1;

/// Part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The cluster is up; operations and faults go on.
    Chaos,
    /// All faults are over; nothing new is broken.
    Heal,
    /// Fresh operations everywhere.
    Liveness,
    /// Replicas are compared.
    Comparison,
}

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeState {
    /// It runs, and takes calls.
    Up,
    /// It runs, and says itself that it must not take calls.
    Unready,
    /// It lost power.
    Down,
    /// It does nothing, but will go on.
    Paused,
    /// It ended itself or was refused, and said why.
    Refused,
    /// The cluster has removed it.
    Removed,
}

/// How much of its disk a node has lost for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LostDisk {
    /// What was not synced.
    Unsynced,
    /// A record, perhaps; the node can tell.
    Record,
    /// All.
    All,
    /// All that came after the copy it was started from.
    SinceBackup {
        /// The fault at whose begin the copy was made.
        fault: usize,
    },
}

/// Which of a session's ids. The secret itself is in no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdName {
    /// The one that it was created with.
    #[default]
    First,
    /// The one that a planned rotation gave it; the number is the operation's index in the plan.
    Of(usize),
}

impl fmt::Display for IdName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("its first id"),
            Self::Of(operation) => write!(f, "the id of operation {operation}"),
        }
    }
}

/// What a reader sees of a live session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Content {
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
    /// Counter `n`; 0 if absent.
    pub counter: i64,
    /// Set `s`.
    pub members: BTreeSet<String>,
    /// The principal that is logged in.
    pub principal: Option<String>,
    /// The session's id, if the look could tell.
    pub id: Option<IdName>,
    /// By the nodes' reckoning, in milliseconds since the Unix epoch.
    pub absolute_deadline_ms: u64,
    /// The idle deadline or the absolute one, whichever comes first.
    pub expires_at_ms: u64,
}

/// What a replica says of a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// It is live.
    Live(Content),
    /// It was ended.
    Revoked,
    /// The id that was shown is accepted no more: the session has another one.
    Rotated,
    /// It is not there, or it has expired: the product does not tell which.
    Absent,
    /// The replica knows that it holds only a part.
    Partial,
}

/// Why a call changed nothing, for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No such session, or expired.
    NotFound,
    /// It was ended.
    Revoked,
    /// The id that was shown is accepted no more: the session has another one.
    Rotated,
    /// Another rotation has replaced the id that was shown, which is accepted for a grace.
    AlreadyRotated,
    /// It is there already.
    AlreadyExists,
    /// The causal token is not covered in time: "not yet".
    NotYet,
    /// The node must not take calls now, or none could be reached before anything was sent.
    Unavailable,
    /// Something about the call itself.
    Invalid,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A write, kept as its levels promise.
    Acknowledged {
        /// By which node.
        node: NodeId,
    },
    /// A write that was made at `node`, but too few replicas confirmed in time. It stays.
    Partly {
        /// By which node.
        node: NodeId,
    },
    /// A read.
    Read {
        /// By which node.
        node: NodeId,
        /// What it said.
        shown: Shown,
    },
    /// Nothing was changed.
    Refused(Refusal),
    /// Nobody can tell.
    Unknown,
}

/// A look into a node from outside of its API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sample {
    /// The digest of each partition that the node holds by the layout.
    pub digests: BTreeMap<u16, u128>,
    /// Records over all partitions.
    pub records: u64,
    /// The most that it buffers for one peer, in bytes.
    pub buffered_bytes: u64,
    /// Remote entries held back until they are due, in bytes.
    pub held_bytes: u64,
    /// The node's wall clock less true time, in milliseconds.
    pub clock_offset_ms: i64,
    /// The membership's epoch, and a hash of what the node takes it to be.
    pub membership: (u64, u64),
}

/// As of when a node knows of a region's writes, as it says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegionFreshness {
    /// The region.
    pub region: String,
    /// It holds all that the replicas held then, in microseconds since the start of the run.
    pub as_of_us: u64,
    /// The replicas.
    pub replicas: Vec<NodeId>,
}

/// What a change feed tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeedEvent {
    /// An attribute was written.
    Wrote {
        /// By this operation.
        operation: usize,
        /// At this replica.
        replica: u32,
        /// By its clock, in milliseconds since the Unix epoch.
        at_ms: u64,
    },
    /// A session was ended by itself.
    Revoked {
        /// Which.
        session: SessionId,
    },
    /// Some writes cannot be told.
    Missed,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// A phase begins.
    Phase(Phase),
    /// A call was sent. The number is the operation's index in the plan;
    /// numbers beyond are calls of the liveness phase.
    Invoked {
        /// Which.
        operation: usize,
        /// True for the second sending of a repeated operation.
        again: bool,
        /// The id that it shows.
        shows: IdName,
    },
    /// It was answered, or given up.
    Answered {
        /// Which.
        operation: usize,
        /// True for the second sending of a repeated operation.
        again: bool,
        /// What.
        answer: Answer,
    },
    /// A node's state changed.
    Node {
        /// Which.
        node: NodeId,
        /// To what.
        state: NodeState,
    },
    /// A node lost a part of its disk, now.
    DiskLost {
        /// Which.
        node: NodeId,
        /// How much.
        lost: LostDisk,
    },
    /// A planned fault begins to act; one that does not apply never begins.
    FaultBegan {
        /// Its index in the plan.
        fault: usize,
        /// Its class.
        class: FaultClass,
    },
    /// It has changed something: a message was lost, a batch vanished, a clock was read. Once a fault.
    FaultObserved {
        /// Its index in the plan.
        fault: usize,
        /// Its class.
        class: FaultClass,
    },
    /// It is over.
    FaultEnded {
        /// Its index in the plan.
        fault: usize,
        /// Its class.
        class: FaultClass,
    },
    /// What a replica's engine holds of a session, seen without a call.
    Probed {
        /// Where.
        node: NodeId,
        /// Of which session.
        session: SessionId,
        /// As the node would show it, by its own clock.
        shown: Shown,
        /// A hash of the encoded state; 0 if there is none, [`LOST_RECORD`] if there is only the mark of
        /// one that the disk has lost.
        state_hash: u128,
    },
    /// A node's receipt says that every replica of a region has applied a revocation.
    Applied {
        /// Whose receipt.
        node: NodeId,
        /// Of which session.
        session: SessionId,
        /// The region.
        region: String,
        /// The replicas that it counted there.
        replicas: Vec<NodeId>,
    },
    /// How fresh a node that shows a session live says that it is.
    Fresh {
        /// Which.
        node: NodeId,
        /// Which session.
        session: SessionId,
        /// By region; those of which it knows nothing are left out.
        regions: Vec<RegionFreshness>,
    },
    /// A region's change feed tells something.
    Fed {
        /// The region's place in the plan.
        region: usize,
        /// In which partition.
        partition: u32,
        /// What.
        event: FeedEvent,
    },
    /// A look into a node.
    Sampled {
        /// Which.
        node: NodeId,
        /// What was seen.
        sample: Sample,
    },
    /// A node gave a write its dot and stamp.
    Stamped {
        /// Which.
        node: NodeId,
        /// The replica id that the cluster allotted to it.
        replica: u16,
        /// Its start.
        incarnation: u32,
        /// Of which partition.
        partition: u16,
        /// The number among the origin's writes of the partition.
        seq: u64,
        /// The stamp.
        hlc: u64,
    },
    /// A node refused an entry of a peer as poison.
    PoisonRefused {
        /// Which.
        node: NodeId,
    },
    /// Something poisoned was seen where it must not be: in a record, on a link, in an answer.
    PoisonSpread {
        /// Where.
        node: NodeId,
    },
    /// A node that is removed, cloned or wiped was let in, or served.
    FencingFailed {
        /// Which.
        node: NodeId,
    },
    /// Replicas cannot be equal for hours, since some hold writes back that a wrong clock has stamped: the
    /// run ends here.
    HeldBack,
    /// Something the simulation watches for and that must never be, in words.
    Impossible {
        /// Which invariant.
        invariant: &'static str,
        /// What.
        detail: String,
    },
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant} broken after {:.3} simulated seconds: {detail}", *at_us as f64 / 1e6)]
pub struct Violation {
    /// Its id, such as `I6`.
    pub invariant: &'static str,
    /// When, in microseconds of simulated time.
    pub at_us: u64,
    /// What was seen and what should have been.
    pub detail: String,
}

/// How many calls ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes acknowledged, reads answered.
    pub succeeded: u64,
    /// Certain to have changed nothing.
    pub refused: u64,
    /// Nobody can tell.
    pub unknown: u64,
}

/// A run's end.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The first broken invariant.
    pub violation: Option<Violation>,
    /// Whether it ended before the comparison, since writes were held back: see [`Happening::HeldBack`].
    pub is_held_back: bool,
    /// Over everything that happened and was traced.
    pub trace_hash: u128,
    /// How many happenings there were.
    pub happenings: u64,
    /// How long the run took in simulated time, in microseconds.
    pub simulated_us: u64,
    /// How calls ended.
    pub counts: Counts,
    /// How many faults began.
    pub faults_begun: u64,
    /// Fault classes that began, and whether one of each was observed.
    pub faults: BTreeMap<FaultClass, bool>,
    /// Everything, if it was to be kept.
    pub timeline: Vec<(u64, Happening)>,
}
