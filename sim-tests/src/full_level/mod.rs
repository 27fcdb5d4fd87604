//! The full level: the shipped node and client library on turmoil.
//!
//! Each node is a host that runs `sojourn_node::run::run` (TLS, gRPC, Raft, the
//! engine over a simulated disk); the clients of a region share a host. One more
//! host, which no fault touches, looks at every node and stands in for the operator.

mod board;
mod certificates;
mod clients;
mod config;
mod content;
mod faults;
mod insider;
mod node;
mod observer;
mod phases;
mod tale;
mod world;

use std::sync::Arc;

pub(crate) use clients::may_send_elsewhere;
pub use faults::INEXPRESSIBLE;
pub(crate) use tale::Tale;

use crate::interpose;
use crate::plan::Plan;
use crate::record::{Outcome, Recorder};
use crate::run::RunError;

/// Runs a plan. Needs a thread that has not drawn any randomness yet.
pub(crate) fn run(plan: &Plan, recorder: Recorder) -> Result<Outcome, RunError> {
    interpose::begin(plan.seed).map_err(RunError)?;
    let tale = Tale::new(recorder);
    let mut world = world::World::new(Arc::new(plan.clone()), tale.clone())?;
    phases::run(&mut world)?;
    tale.finish().ok_or_else(|| RunError("the recorder is gone".into()))
}
