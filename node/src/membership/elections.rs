//! Keeps candidates from colliding for ever.
//!
//! Raft draws its election time-out once a run and looks at the clock only once
//! a tick, so two nodes may stand for election together again and again. Here
//! each lost election is followed by a random pause, as Raft's paper has it, in
//! which the node votes but does not stand.

use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use crate::env::Rng;

/// Runs until the node shuts down.
pub(super) async fn run(core: Arc<Core>) {
    let mut metrics = core.raft.metrics();
    let mut term_seen = 0;
    loop {
        let stands = metrics.wait_for(|now| now.state.is_candidate() && now.current_term > term_seen).await;
        match stands.map(|now| now.current_term) {
            Ok(term) => term_seen = term,
            Err(_) => return,
        }
        let pause_ms = core.env.rng.with(|rng| rng.random_range(0..=core.config.election_timeout_ms_max));
        core.raft.runtime_config().elect(false);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        core.raft.runtime_config().elect(true);
    }
}
