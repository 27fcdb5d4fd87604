//! What a run will do: everything that a seed decides before it starts.
//!
//! A plan is data. It holds every operation and every fault with its time, so
//! that it can be printed, stored, shrunk by leaving parts out, and run at either
//! level. What the run itself still draws (latencies, losses) comes from
//! generators seeded by the plan.

mod draw;
mod fault;
mod operation;
mod shape;

pub use draw::draw;
pub use fault::{Cut, Fault, FaultClass, PlannedFault};
pub use operation::{
    Action, BORN, Consistency, Durability, PlannedOperation, Shows, Token, operation_of, value_of,
};
pub use shape::{Latency, NodeId, RegionShape, SessionId, Shape};

use serde::{Deserialize, Serialize};

/// Grows whenever a seed would draw another plan or run in another way. A
/// replay line names it, so that a seed of another version is refused rather
/// than silently replayed as something else.
pub const PLAN_VERSION: u32 = 2;

/// How much of the product takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The pure cores on a discrete-event network: thousands of seeds a minute.
    Core,
    /// The whole node and the client library on turmoil.
    Full,
}

impl Level {
    /// Its name, as the command line takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Full => "full",
        }
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`] when it was drawn.
    pub version: u32,
    /// Seeds every generator of the run.
    pub seed: u64,
    /// Which level runs it.
    pub level: Level,
    /// The scenario it was made by, if it was not drawn freely.
    pub scenario: Option<String>,
    /// The cluster.
    pub shape: Shape,
    /// How long operations and faults go on, in milliseconds from when the cluster is up.
    pub chaos_ms: u64,
    /// How long after the heal all replicas may take to be equal (`B`), in milliseconds.
    pub converge_ms_max: u64,
    /// By time.
    pub operations: Vec<PlannedOperation>,
    /// By time.
    pub faults: Vec<PlannedFault>,
}

impl Plan {
    /// Every fault class that the plan tries.
    pub fn classes(&self) -> impl Iterator<Item = FaultClass> {
        self.faults.iter().map(|planned| planned.fault.class())
    }
}
