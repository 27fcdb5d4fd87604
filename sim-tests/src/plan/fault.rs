//! What goes wrong.

use serde::{Deserialize, Serialize};

use super::NodeId;

/// What happens to messages across a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// They are lost, and connections break once that is noticed.
    Drop,
    /// They wait, and arrive after the heal.
    Hold,
}

/// One fault. Nodes and regions are places in the plan. A fault that no longer
/// applies when its time comes (the node is down already) does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A region sees no other region.
    RegionCut {
        /// Which.
        region: u16,
        /// How.
        cut: Cut,
    },
    /// Nodes on different sides do not see each other. Nodes not named are on the right.
    Partition {
        /// One side.
        left: Vec<NodeId>,
        /// How.
        cut: Cut,
    },
    /// Messages from one node to another are lost; the other way they pass.
    OneWay {
        /// The sender.
        from: NodeId,
        /// The receiver.
        to: NodeId,
    },
    /// Two halves that only one node sees both of.
    Bridge {
        /// That node.
        node: NodeId,
        /// One half, without that node.
        left: Vec<NodeId>,
    },
    /// Messages from one node to another wait.
    Clog {
        /// The sender.
        from: NodeId,
        /// The receiver.
        to: NodeId,
    },
    /// Messages are lost on all links: so many of a thousand.
    Loss {
        /// Of a thousand.
        permille: u16,
    },
    /// Messages come twice, the second time later.
    Duplicate {
        /// Of a thousand.
        permille: u16,
    },
    /// Messages overtake each other.
    Reorder {
        /// Of a thousand.
        permille: u16,
    },
    /// All links between regions are slower.
    Delay {
        /// By so much each way, in milliseconds.
        extra_ms: u64,
    },
    /// The connections between two nodes break, once.
    Reset {
        /// One.
        a: NodeId,
        /// The other.
        b: NodeId,
    },
    /// A node loses power and starts again when the fault ends. What was not synced is lost.
    PowerLoss {
        /// Which.
        node: NodeId,
        /// Some of what was not synced is on the disk all the same.
        torn: bool,
    },
    /// A region loses power, and starts again with its disks when the fault ends.
    RegionPowerLoss {
        /// Which.
        region: u16,
    },
    /// A node does nothing for a while, then goes on as if nothing had been.
    Pause {
        /// Which.
        node: NodeId,
    },
    /// A node is away until the others' logs no longer reach back to it. Its clients' writes go on elsewhere.
    LongOutage {
        /// Which.
        node: NodeId,
    },
    /// A region is lost with its disks; new nodes of other names take its place when the fault ends.
    RegionLost {
        /// Which.
        region: u16,
    },
    /// A node's wall clock runs fast or slow.
    ClockDrift {
        /// Which.
        node: NodeId,
        /// Parts per million.
        ppm: i32,
    },
    /// A node's wall clock jumps, and back when the fault ends.
    ClockStep {
        /// Which.
        node: NodeId,
        /// By so much, in milliseconds.
        by_ms: i64,
    },
    /// A node restarts with its clock set back.
    BootClockBack {
        /// Which.
        node: NodeId,
        /// By so much, in milliseconds.
        by_ms: u64,
    },
    /// A node's next sync fails. It is restarted when the fault ends.
    FailedSync {
        /// Which.
        node: NodeId,
    },
    /// A node's disk takes no more. It is restarted with room when the fault ends.
    DiskFull {
        /// Which.
        node: NodeId,
    },
    /// All reads and writes of a node's disk fail. It is restarted when the fault ends.
    DiskError {
        /// Which.
        node: NodeId,
    },
    /// A node's disk is slow.
    SlowDisk {
        /// Which.
        node: NodeId,
        /// Each call takes so much longer, in milliseconds.
        by_ms: u64,
    },
    /// A node loses power, and one bit of a session record flips before it starts again.
    BitFlip {
        /// Which.
        node: NodeId,
    },
    /// A node joins; it stays.
    AddNode {
        /// Where.
        region: u16,
    },
    /// A node is removed for good.
    RemoveNode {
        /// Which.
        node: NodeId,
    },
    /// A removed node's disk starts again under its old name.
    RemovedNodeReturns {
        /// Which; removed first if it is not.
        node: NodeId,
    },
    /// A node loses its disk and starts empty under its old name.
    WipedNode {
        /// Which.
        node: NodeId,
    },
    /// A second node starts with a copy of another's disk.
    ClonedDisk {
        /// Whose.
        node: NodeId,
    },
    /// A node starts again from a copy of its disk made when the fault began. Raft's log
    /// and vote stay as they are: Raft is not safe where a voter forgets.
    BackupRestored {
        /// Which.
        node: NodeId,
    },
    /// A peer sends entries that are malformed, too large, or lie about who made them.
    Poison {
        /// Through which node's link.
        node: NodeId,
    },
    /// Every node of the cluster is restarted in order, one after the other.
    RollingRestart,
    /// A client sends calls at many times the usual rate.
    Overload {
        /// To the nodes of this region.
        region: u16,
    },
}

/// A fault and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// When it begins, in milliseconds from the start of chaos.
    pub at_ms: u64,
    /// When it ends, after its beginning, in milliseconds.
    pub lasts_ms: u64,
    /// What.
    pub fault: Fault,
}

macro_rules! one_node {
    ($fault:expr) => {
        match $fault {
            Fault::PowerLoss { node, .. }
            | Fault::Pause { node }
            | Fault::LongOutage { node }
            | Fault::ClockDrift { node, .. }
            | Fault::ClockStep { node, .. }
            | Fault::BootClockBack { node, .. }
            | Fault::FailedSync { node }
            | Fault::DiskFull { node }
            | Fault::DiskError { node }
            | Fault::SlowDisk { node, .. }
            | Fault::BitFlip { node }
            | Fault::RemoveNode { node }
            | Fault::RemovedNodeReturns { node }
            | Fault::WipedNode { node }
            | Fault::ClonedDisk { node }
            | Fault::BackupRestored { node }
            | Fault::Poison { node } => Some(node),
            _ => None,
        }
    };
}

impl Fault {
    /// The one node, its disk or its clock that it acts on; none for a fault of the
    /// network, of a region or of the whole cluster.
    #[must_use]
    pub fn node(&self) -> Option<NodeId> {
        one_node!(self).copied()
    }

    /// As [`Self::node`], to be changed.
    pub fn node_mut(&mut self) -> Option<&mut NodeId> {
        one_node!(self)
    }
}

macro_rules! classes {
    ($($class:ident $name:literal),* $(,)?) => {
        /// A fault without its particulars; coverage is counted by it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FaultClass {
            $(#[doc = concat!("`", $name, "`.")] $class),*
        }

        impl FaultClass {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$class),*];

            /// Its name in tables.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$class => $name),* }
            }
        }

        impl Fault {
            /// Its class.
            #[must_use]
            pub fn class(&self) -> FaultClass {
                match self { $(Self::$class { .. } => FaultClass::$class),* }
            }
        }
    };
}

classes! {
    RegionCut "region cut",
    Partition "partition",
    OneWay "one-way cut",
    Bridge "bridge partition",
    Clog "clogged link",
    Loss "loss",
    Duplicate "duplicates",
    Reorder "reordering",
    Delay "delay",
    Reset "connection reset",
    PowerLoss "power loss",
    RegionPowerLoss "region power loss",
    Pause "pause",
    LongOutage "long outage",
    RegionLost "region lost",
    ClockDrift "clock drift",
    ClockStep "clock step",
    BootClockBack "clock back at boot",
    FailedSync "failed sync",
    DiskFull "disk full",
    DiskError "disk error",
    SlowDisk "slow disk",
    BitFlip "bit flip",
    AddNode "node added",
    RemoveNode "node removed",
    RemovedNodeReturns "removed node returns",
    WipedNode "wiped node",
    ClonedDisk "cloned disk",
    BackupRestored "backup restored",
    Poison "poison",
    RollingRestart "rolling restart",
    Overload "overload",
}
