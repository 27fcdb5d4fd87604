//! Opening links: of each pair the node with the lower replica id dials.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sojourn_proto::replication::v1::replication_service_client::ReplicationServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::link::LinkEnd;
use super::{Shared, hello};
use crate::env::Rng;
use crate::membership::{Node, NodeState};
use crate::replication::core::{Event, Topology};
use crate::security::PeerIdentity;
use crate::session::ReplicaId;
use crate::transport::PeerExpectation;

/// A link that lasted this long is dialled again without a long wait.
const STABLE: Duration = Duration::from_secs(10);

impl Shared {
    /// Follows the membership: tells the core and keeps one dialler a peer.
    pub(super) async fn follow_membership(self: Arc<Self>) {
        let mut membership = self.membership.clone();
        let mut dialled = BTreeSet::new();
        loop {
            let current = membership.borrow_and_update().clone();
            self.handle(Event::Topology(Topology::new(self.me, &current)));
            for node in current.nodes.values() {
                let dial = node.replica > self.me.replica && node.state != NodeState::Removed;
                if dial && dialled.insert(node.replica) {
                    let shared = self.clone();
                    self.spawn("replication.dial", shared.keep_linked(node.replica));
                }
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                changed = membership.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Dials a peer until it is removed or this node stops.
    async fn keep_linked(self: Arc<Self>, peer: ReplicaId) {
        let (min_ms, max_ms) = (self.config.reconnect_ms_min, self.config.reconnect_ms_max);
        let mut rng = self.env.rng.fork("replication.dial");
        let mut wait_ms = min_ms;
        while let Some(node) = self.member(peer) {
            let began = self.env.clock.monotonic();
            let end = tokio::select! {
                () = self.stopping.cancelled() => return,
                end = self.dial(&node) => end,
            };
            if self.env.clock.monotonic().saturating_sub(began) >= STABLE {
                wait_ms = min_ms;
            }
            tracing::debug!(peer = %peer, reason = %end, wait_ms, "not linked");
            // Half to all of the wait, so that nodes do not come back all at once.
            let jittered = rng.random_range(wait_ms / 2..=wait_ms);
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(jittered)) => {}
            }
            wait_ms = (wait_ms * 2).min(max_ms);
        }
    }

    /// A node that is not removed.
    pub(in crate::replication) fn member(&self, peer: ReplicaId) -> Option<Node> {
        let membership = self.membership.borrow();
        membership.nodes.get(&peer).filter(|node| node.state != NodeState::Removed).cloned()
    }

    /// A client for a node's replication service; connects on first use.
    pub(in crate::replication) fn client(&self, node: &Node) -> ReplicationServiceClient<Channel> {
        let channel = self.channels.channel(&node.address, expectation(node));
        ReplicationServiceClient::new(channel).max_decoding_message_size(self.message_bytes_max())
    }

    async fn dial(self: &Arc<Self>, node: &Node) -> LinkEnd {
        let (new, frames) = self.new_link(node.replica);
        let mut client = self.client(node);
        let opened = self.in_time(async {
            let mut inbound = client.link(frames).await?.into_inner();
            let first = inbound.message().await?;
            Ok((inbound, first))
        });
        let (inbound, first) = match opened.await {
            Ok(opened) => opened,
            Err(status) => {
                // A connection whose packets a cut has swallowed may look open for long after the heal.
                if status.code() == Code::DeadlineExceeded {
                    self.channels.forget(&node.address, &expectation(node));
                }
                return status.into();
            }
        };
        let identity = PeerIdentity::Node { name: node.name.clone(), region: node.region.clone() };
        let membership = self.membership.borrow().clone();
        match hello::check_hello(&membership, self.me.replica, first, &identity) {
            Ok(peer) if peer.replica == node.replica => self.run_link(peer, new, inbound).await,
            Ok(_) => Status::from(hello::Refusal::Certificate(node.replica)).into(),
            Err(refusal) => Status::from(refusal).into(),
        }
    }

    /// Bounds connecting and the first answer.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let timeout_ms = self.config.connect_timeout_ms;
        tokio::time::timeout(Duration::from_millis(timeout_ms), work)
            .await
            .unwrap_or_else(|_| Err(Status::deadline_exceeded(format!("no answer within {timeout_ms} ms"))))
    }
}

fn expectation(node: &Node) -> PeerExpectation {
    PeerExpectation::Node { name: node.name.clone(), region: node.region.clone() }
}
