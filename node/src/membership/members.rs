//! The handle of a running membership.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sojourn_proto::membership::v1::membership_service_server::MembershipServiceServer;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::service::MembershipRpc;
use super::{Change, ChangeOutcome, Membership, MembershipConfig, MembershipError, MembershipWatch};
use super::{LocalNode, start};
use crate::env::Environment;
use crate::session::ReplicaId;
use crate::store::Store;
use crate::transport::PeerChannels;

/// A node's part in the membership. Dropping it does not stop it; [`Members::shutdown`] does.
#[derive(Clone)]
pub struct Members {
    pub(super) core: Arc<Core>,
    pub(super) verdict: watch::Receiver<Option<MembershipError>>,
    pub(super) stop: CancellationToken,
}

impl Members {
    /// Founds a cluster, joins one through the seeds, or comes back from disk.
    ///
    /// Returns as soon as the node has its replica id (and, if it founds the
    /// cluster, is its first active node). Serve [`Members::service`] right
    /// then: a joining node becomes active only once the leader reaches it.
    /// Coming back needs no other node.
    ///
    /// # Errors
    /// A wrong setting, a disk of another cluster or node, an id that was
    /// removed, a cluster that refuses the node, or none that lets it in within
    /// `join_timeout_ms`.
    pub async fn start(
        local: LocalNode,
        config: MembershipConfig,
        store: Arc<dyn Store>,
        env: Environment,
        channels: Arc<dyn PeerChannels>,
    ) -> Result<Self, MembershipError> {
        start::start(local, config, store, env, channels).await
    }

    /// Follows the membership; the current one can be read at once.
    #[must_use]
    pub fn watch(&self) -> MembershipWatch {
        self.core.view.clone()
    }

    /// The membership as this node knows it now.
    #[must_use]
    pub fn current(&self) -> Arc<Membership> {
        self.core.view.borrow().clone()
    }

    /// This node's id.
    #[must_use]
    pub fn replica_id(&self) -> ReplicaId {
        self.core.replica
    }

    /// Makes a change, through the leader wherever it is.
    ///
    /// # Errors
    /// A refusal by the cluster's rules, or no leader within `propose_timeout_ms`;
    /// then the change may still be made. Changes are idempotent: ask again.
    pub async fn propose(&self, change: &Change) -> Result<ChangeOutcome, MembershipError> {
        match self.core.propose(change).await? {
            ChangeOutcome::Refused(refusal) => Err(refusal.into()),
            outcome => Ok(outcome),
        }
    }

    /// Resolves when this node may not run any longer: it was removed, or its disk failed.
    pub async fn stopped(&self) -> MembershipError {
        let mut verdict = self.verdict.clone();
        let told = verdict.wait_for(Option::is_some).await.ok().and_then(|verdict| verdict.clone());
        told.unwrap_or(MembershipError::Stopped { detail: "the node is shutting down".to_owned() })
    }

    /// How far each of Raft's members lags behind the leader's log, in entries;
    /// empty unless this node leads.
    #[must_use]
    pub fn lag_entries(&self) -> BTreeMap<ReplicaId, u64> {
        let metrics = self.core.raft.metrics().borrow().clone();
        let last = metrics.last_log_index.unwrap_or(0);
        let lag = |(id, matched): (u64, Option<super::raft_types::LogId>)| {
            let matched = matched.map_or(0, |matched| matched.index);
            (super::raft_types::replica_of(id), last.saturating_sub(matched))
        };
        metrics.replication.unwrap_or_default().into_iter().map(lag).collect()
    }

    /// The gRPC service for other nodes. It needs [`crate::security::PeerIdentity`]
    /// as an extension of each request.
    #[must_use]
    pub fn service(&self) -> MembershipServiceServer<MembershipRpc> {
        let bytes_max = self.core.config.message_bytes_max;
        MembershipServiceServer::new(MembershipRpc { core: self.core.clone() })
            .max_decoding_message_size(bytes_max)
            .max_encoding_message_size(bytes_max)
    }

    /// Stops. The node stays a member and may come back.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.core.raft.shutdown());
        if !matches!(ended.await, Ok(Ok(()))) {
            tracing::warn!("the membership did not stop in order");
        }
    }
}
