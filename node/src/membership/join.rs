//! How a node is let into its cluster.

use std::time::Duration;

use super::core::Backoff;
use super::peers::{Peers, is_passing};
use super::{Candidate, ClusterState, MembershipConfig, MembershipError};
use crate::env::Environment;
use crate::session::ReplicaId;

/// Asks one node after another, again and again, until one lets this node in,
/// one refuses for good, or `join_timeout_ms` is over.
pub(super) async fn join(
    seeds: &[String],
    candidate: &Candidate,
    peers: &Peers,
    config: &MembershipConfig,
    env: &Environment,
) -> Result<(ReplicaId, ClusterState), MembershipError> {
    if seeds.is_empty() {
        return Err(MembershipError::NoCluster);
    }
    let deadline = env.clock.monotonic() + Duration::from_millis(config.join_timeout_ms);
    let mut pause = Backoff::new(config);
    loop {
        let error = match ask_each(seeds, candidate, peers).await {
            Err(error) if is_passing(&error) => error,
            settled => return settled,
        };
        let next = pause.next(env);
        if env.clock.monotonic() + next >= deadline {
            let (timeout_ms, detail) = (config.join_timeout_ms, error.to_string());
            return Err(MembershipError::JoinTimedOut { timeout_ms, detail });
        }
        tracing::info!(%error, "not let into the cluster yet");
        tokio::time::sleep(next).await;
    }
}

/// Asks each node once; the first answer that settles the matter counts.
pub(super) async fn ask_each(
    seeds: &[String],
    candidate: &Candidate,
    peers: &Peers,
) -> Result<(ReplicaId, ClusterState), MembershipError> {
    let mut last = MembershipError::NoCluster;
    for seed in seeds {
        match peers.join(seed, candidate).await {
            // That a cluster is there weighs more than that a node is not.
            Err(MembershipError::Unreachable { .. }) if matches!(last, MembershipError::NoLeader { .. }) => {}
            Err(error) if is_passing(&error) => last = error,
            settled => return settled,
        }
    }
    Err(last)
}
