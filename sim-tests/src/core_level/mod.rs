//! The core level: the shipped engine and the shipped pure cores of many nodes in
//! one thread, on a discrete-event network.
//!
//! Each node has a real engine with its workers on a simulated disk and clock. The
//! replication core, the batch codecs, the checks of callers, the layout and the
//! membership's `apply` are the shipped ones; the shell around them carries out
//! their effects as the node's driver does, but over [`links`] in place of gRPC.
//! Raft is stood in for by one committed log ([`membership`]).

mod clock;
mod environment;
mod faults;
mod fetch;
mod freshness;
mod layout;
mod links;
mod membership;
mod network;
mod node;
mod observe;
mod operations;
mod phases;
mod receipts;
mod replication;
mod start;
mod tasks;
#[cfg(test)]
mod tests;
mod time;
mod world;

use tokio::runtime::{Builder, RngSeed};

use self::world::World;
use crate::plan::Plan;
use crate::record::{Outcome, Recorder};
use crate::run::RunError;

/// Runs a plan.
pub(crate) fn run(plan: &Plan, recorder: Recorder) -> Result<Outcome, RunError> {
    let seed = RngSeed::from_bytes(&plan.seed.to_le_bytes());
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).rng_seed(seed).build();
    let runtime = runtime.map_err(|error| RunError(error.to_string()))?;
    let outcome = runtime.block_on(run_world(plan, recorder));
    // Tasks that are left must not outlive the run.
    drop(runtime);
    outcome
}

async fn run_world(plan: &Plan, recorder: Recorder) -> Result<Outcome, RunError> {
    let sim = World::new(plan, recorder);
    {
        let mut world = sim.lock();
        for (node, region) in plan.shape.placed() {
            let offset_ms = plan.shape.clock_offsets_ms.get(usize::from(node.0)).copied();
            world.add_machine(region, offset_ms.unwrap_or_default());
        }
        world.found().map_err(|error| RunError(error.to_string()))?;
        let nodes: Vec<_> = plan.shape.placed().map(|(node, _)| node).collect();
        for node in nodes {
            world.start(node);
        }
        world.keep_membership();
    }
    let phases = async {
        let outcome = phases::run(&sim).await;
        sim.lock().end();
        outcome
    };
    let pump = world::run(&sim);
    tokio::pin!(phases, pump);
    let went = tokio::select! {
        biased;
        () = &mut pump => Ok(()),
        went = &mut phases => went,
    };
    went?;
    let blank = Recorder::new(plan, false);
    let (recorder, simulated_us) = sim.lock().finish(blank);
    Ok(recorder.finish(simulated_us))
}
