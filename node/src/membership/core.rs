//! What the parts of a running membership share.

use std::time::Duration;

use openraft::error::{ClientWriteError, RaftError};

use super::peers::{Peers, is_passing};
use super::raft_types::{Raft, RaftPeer, replica_of};
use super::{Change, ChangeOutcome, LocalNode, MembershipConfig, MembershipError, MembershipWatch};
use crate::env::Environment;
use crate::session::ReplicaId;

pub(super) struct Core {
    pub(super) raft: Raft,
    pub(super) replica: ReplicaId,
    pub(super) local: LocalNode,
    pub(super) config: MembershipConfig,
    pub(super) peers: Peers,
    pub(super) view: MembershipWatch,
    pub(super) env: Environment,
}

/// Where a change has to go.
enum Route {
    Committed(ChangeOutcome),
    Leader(RaftPeer),
}

impl Core {
    /// Makes a change, here or at the leader, and asks again until `propose_timeout_ms` is over.
    pub(super) async fn propose(&self, change: &Change) -> Result<ChangeOutcome, MembershipError> {
        self.propose_within(Duration::from_millis(self.config.propose_timeout_ms), change).await
    }

    /// The same until a deadline of its own.
    pub(super) async fn propose_within(
        &self,
        timeout: Duration,
        change: &Change,
    ) -> Result<ChangeOutcome, MembershipError> {
        let deadline = self.env.clock.monotonic() + timeout;
        let mut pause = Backoff::new(&self.config);
        loop {
            let left = deadline.saturating_sub(self.env.clock.monotonic());
            match self.propose_once(change, left).await {
                Err(error) if is_passing(&error) => {
                    let next = pause.next(&self.env);
                    if self.env.clock.monotonic() + next >= deadline {
                        return Err(error);
                    }
                    tokio::time::sleep(next).await;
                }
                settled => return settled,
            }
        }
    }

    async fn propose_once(
        &self,
        change: &Change,
        timeout: Duration,
    ) -> Result<ChangeOutcome, MembershipError> {
        match self.propose_here(change, timeout).await? {
            Route::Committed(outcome) => Ok(outcome),
            Route::Leader(peer) => {
                self.peers.propose(&peer.address, peer.expectation(), change, timeout).await
            }
        }
    }

    /// Makes a change that another node has passed on: only if this node leads.
    pub(super) async fn propose_as_leader(&self, change: &Change) -> Result<ChangeOutcome, MembershipError> {
        let timeout = Duration::from_millis(self.config.call_timeout_ms);
        match self.propose_here(change, timeout).await? {
            Route::Committed(outcome) => Ok(outcome),
            Route::Leader(_) => Err(no_leader("the node asked is no longer the leader")),
        }
    }

    async fn propose_here(&self, change: &Change, timeout: Duration) -> Result<Route, MembershipError> {
        let write = tokio::time::timeout(timeout, self.raft.client_write(change.clone()));
        match write.await {
            Err(_) => Err(no_leader("most voters cannot be reached")),
            Ok(Ok(written)) => Ok(Route::Committed(written.data)),
            Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward)))) => {
                let leader = forward.leader_id.map(replica_of);
                let known = leader.and_then(|id| self.view.borrow().nodes.get(&id).map(RaftPeer::of));
                let peer = known.or(forward.leader_node).filter(|_| leader != Some(self.replica));
                peer.map(Route::Leader).ok_or_else(|| no_leader("an election is under way"))
            }
            Ok(Err(RaftError::APIError(other))) => Err(no_leader(&other.to_string())),
            Ok(Err(RaftError::Fatal(fatal))) => Err(MembershipError::Stopped { detail: fatal.to_string() }),
        }
    }
}

fn no_leader(detail: &str) -> MembershipError {
    MembershipError::NoLeader { detail: detail.to_owned() }
}

/// Doubling pauses with jitter, so that nodes that start together do not ask together.
pub(super) struct Backoff {
    pause_ms: u64,
    pause_ms_max: u64,
}

impl Backoff {
    pub(super) fn new(config: &MembershipConfig) -> Self {
        Self { pause_ms: config.retry_pause_ms_max.min(20), pause_ms_max: config.retry_pause_ms_max }
    }

    pub(super) fn next(&mut self, env: &Environment) -> Duration {
        use crate::env::Rng;
        let pause_ms = env.rng.with(|rng| rng.random_range(self.pause_ms / 2..=self.pause_ms));
        self.pause_ms = (self.pause_ms * 2).min(self.pause_ms_max);
        Duration::from_millis(pause_ms)
    }
}
