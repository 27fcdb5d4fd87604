//! `sojourn.cluster.v1.ClusterService`: the cluster as this node sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use futures::stream::StreamExt;
use sojourn_proto::cluster::v1 as pb;
use sojourn_proto::cluster::v1::cluster_service_server::ClusterService;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::handler::Handler;
use crate::membership::{Membership, Node, NodeState};
use crate::replication::PeerState;
use crate::session::{Partition, ReplicaId};
use crate::store::Store;

/// The service.
pub(super) struct Cluster {
    handler: Arc<Handler>,
    store: Arc<dyn Store>,
    stopping: CancellationToken,
}

impl Cluster {
    /// Watches end when `stopping` is cancelled.
    #[must_use]
    pub(super) fn new(handler: Arc<Handler>, store: Arc<dyn Store>, stopping: CancellationToken) -> Self {
        Self { handler, store, stopping }
    }

    fn digests(&self, membership: &Membership) -> Vec<pb::PartitionDigest> {
        let all = (0..=u16::MAX).map(Partition).take(membership.layout.partitions.len());
        let held = all.filter(|partition| self.handler.router.is_here(*partition));
        let digest = |partition: Partition| {
            let digest = self.handler.engine.digest(partition);
            pb::PartitionDigest {
                partition: partition.0.into(),
                digest: digest.digest.to_be_bytes().to_vec().into(),
                records: digest.records,
            }
        };
        held.map(digest).collect()
    }

    fn peers(&self, membership: &Membership) -> Vec<pb::PeerStatus> {
        let status = |peer: PeerState| {
            let node = membership.nodes.get(&peer.replica);
            pb::PeerStatus {
                replica_id: peer.replica.0.into(),
                name: node.map(|node| node.name.clone()).unwrap_or_default(),
                region: node.map(|node| node.region.clone()).unwrap_or_default(),
                connected: peer.connected,
                lag_entries: peer.lag_entries,
                lag_ms: peer.lag_ms,
                buffered_bytes: peer.buffered_bytes,
                round_trip_us: peer.round_trip_us.unwrap_or(0),
            }
        };
        self.handler.replication.peers().into_iter().map(status).collect()
    }

    /// Disk usage, asked for where waiting for the disk holds nobody up; 0 if it cannot be told.
    async fn disk_bytes(&self) -> u64 {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let store = self.store.clone();
        self.handler.env.spawn.blocking(Box::new(move || {
            // The receiver is gone only if the caller is.
            let _ = sender.send(store.disk_bytes().unwrap_or_default());
        }));
        receiver.await.unwrap_or_default()
    }

    fn not_ready_reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.stopping.is_cancelled() {
            reasons.push("the node is stopping".to_owned());
        } else if let Err(off) = self.handler.engine.trusted_wall_ms() {
            reasons.push(off.to_string());
        } else if !self.handler.readiness.is_ready() {
            reasons.push("the node is not active in the membership yet".to_owned());
        }
        if let Err(error) = self.handler.engine.health() {
            reasons.push(error.to_string());
        }
        reasons
    }
}

#[tonic::async_trait]
impl ClusterService for Cluster {
    type WatchLayoutStream = Pin<Box<dyn Stream<Item = Result<pb::Layout, Status>> + Send>>;

    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let handler = &self.handler;
        let membership = handler.router.membership();
        let own = membership.nodes.get(&handler.router.own());
        let include_digests = request.into_inner().include_digests;
        let usage = handler.engine.stats();
        let not_ready_reasons = self.not_ready_reasons();
        Ok(Response::new(pb::GetStatusResponse {
            node: own.map(|node| member(node, &membership)),
            cluster_id: membership.cluster_id.clone(),
            incarnation: handler.engine.origin().incarnation,
            ready: not_ready_reasons.is_empty(),
            not_ready_reasons,
            raft_leader: membership.leader.map_or(0, |leader| leader.0.into()),
            raft_term: membership.term,
            layout_version: membership.layout.version,
            next_layout_version: next_version(&membership),
            unsynced_replica_ids: unsynced(&membership),
            sessions: usage.records,
            resident_bytes: usage.cache_bytes,
            held_bytes: usage.held_bytes,
            log_bytes: usage.log_disk_bytes,
            disk_bytes: self.disk_bytes().await,
            peers: self.peers(&membership),
            digests: if include_digests { self.digests(&membership) } else { Vec::new() },
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reads_total: handler.counters.reads(),
            writes_total: handler.counters.writes(),
            replays_total: handler.counters.replays(),
            cpu_us_total: handler.env.clock.cpu_us(),
            wan_sent_bytes_total: handler.replication.wan_sent_bytes_total(),
            exported_records_total: handler.counters.exported(),
            imported_records_total: handler.counters.imported(),
            clock_offset_ms: handler.engine.clock_verdicts().borrow().offset_ms,
        }))
    }

    async fn list_members(
        &self,
        _: Request<pb::ListMembersRequest>,
    ) -> Result<Response<pb::ListMembersResponse>, Status> {
        let membership = self.handler.router.membership();
        Ok(Response::new(pb::ListMembersResponse {
            cluster_id: membership.cluster_id.clone(),
            members: membership.nodes.values().map(|node| member(node, &membership)).collect(),
            epoch: membership.epoch,
        }))
    }

    async fn get_layout(&self, _: Request<pb::GetLayoutRequest>) -> Result<Response<pb::Layout>, Status> {
        Ok(Response::new(layout(&self.handler.router.membership())))
    }

    async fn watch_layout(
        &self,
        _: Request<pb::WatchLayoutRequest>,
    ) -> Result<Response<Self::WatchLayoutStream>, Status> {
        let mut last = None;
        let changes = WatchStream::new(self.handler.router.watch()).filter_map(move |membership| {
            let seen = (membership.layout.version, next_version(&membership), unsynced(&membership));
            let changed = last.as_ref() != Some(&seen);
            last = Some(seen);
            std::future::ready(changed.then(|| Ok(layout(&membership))))
        });
        let until_stopped = changes.take_until(self.stopping.clone().cancelled_owned());
        Ok(Response::new(Box::pin(until_stopped)))
    }
}

fn member(node: &Node, membership: &Membership) -> pb::Member {
    let state = match node.state {
        NodeState::Joining => pb::NodeState::Joining,
        NodeState::Active => pb::NodeState::Active,
        NodeState::Draining => pb::NodeState::Draining,
        NodeState::Removed => pb::NodeState::Removed,
    };
    pb::Member {
        replica_id: node.replica.0.into(),
        name: node.name.clone(),
        region: node.region.clone(),
        address: node.address.clone(),
        weight: node.weight,
        state: state.into(),
        voter: membership.voters.contains(&node.replica),
    }
}

fn next_version(membership: &Membership) -> u64 {
    membership.layout.next.as_ref().map_or(0, |next| next.version)
}

fn unsynced(membership: &Membership) -> Vec<u32> {
    let next = membership.layout.next.iter();
    next.flat_map(|next| &next.unsynced).map(|replica| replica.0.into()).collect()
}

fn layout(membership: &Membership) -> pb::Layout {
    let regions = membership.layout.session_partitions().flat_map(BTreeMap::values);
    let serving: BTreeSet<ReplicaId> = regions.flatten().copied().collect();
    let takes_calls = |node: &&Node| node.state == NodeState::Active || serving.contains(&node.replica);
    let replicas = |regions: &crate::placement::RegionReplicas| pb::PartitionReplicas {
        replica_ids: regions.values().flatten().map(|replica| replica.0.into()).collect(),
    };
    pb::Layout {
        version: membership.layout.version,
        partition_count: membership.layout.partition_count,
        nodes: membership.nodes.values().filter(takes_calls).map(|node| member(node, membership)).collect(),
        partitions: membership.layout.session_partitions().map(replicas).collect(),
        next_version: next_version(membership),
        unsynced_replica_ids: unsynced(membership),
    }
}
