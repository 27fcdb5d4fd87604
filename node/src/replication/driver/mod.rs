//! Runs the core: links, timers, log reads, transfers.

mod dial;
mod effects;
mod hello;
mod link;
mod outgoing;
mod service;
mod sync;
mod wire;
mod workers;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_proto::replication::v1 as pb;
use sojourn_proto::session::v1::Consistency;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

pub use hello::{PROTOCOL_VERSION, Refusal, caller, check_caller, check_hello, hello};
pub use service::ReplicationServer;
pub use sync::complete_all;

use self::outgoing::Outgoing;
use super::acks::{AckShortfall, Acks};
use super::config::ReplicationConfig;
use super::core::{Core, PeerState, Topology};
use super::seam::{Replica, SyncReports};
use crate::env::{Environment, StdRng};
use crate::membership::{Membership, MembershipWatch};
use crate::session::{Dot, Origin, Partition, ReplicaId};
use crate::transport::PeerChannels;

/// Replication of one node.
pub struct Replication {
    pub(in crate::replication) shared: Arc<Shared>,
}

/// What all tasks of replication share.
pub(in crate::replication) struct Shared {
    pub(in crate::replication) me: Origin,
    pub(in crate::replication) replica: Arc<dyn Replica>,
    pub(in crate::replication) membership: MembershipWatch,
    pub(in crate::replication) config: ReplicationConfig,
    pub(in crate::replication) env: Environment,
    pub(in crate::replication) acks: Acks,
    /// Wakes whoever waits for what this node knows of others.
    pub(in crate::replication) learned: Notify,
    pub(in crate::replication) forwards: super::forward::Forwards,
    pub(in crate::replication) stopping: CancellationToken,
    channels: Arc<dyn PeerChannels>,
    reports: Arc<dyn SyncReports>,
    /// A report to the membership is under way.
    reporting: AtomicBool,
    wan_sent_bytes: Arc<AtomicU64>,
    pub(in crate::replication) state: Mutex<State>,
}

pub(in crate::replication) struct State {
    pub(in crate::replication) core: Core,
    rng: StdRng,
    links: BTreeMap<ReplicaId, OpenLink>,
    links_opened: u64,
}

struct OpenLink {
    id: u64,
    sender: mpsc::Sender<Outgoing>,
    closed: CancellationToken,
}

impl Replication {
    /// Starts replication: links to all nodes, push, gossip, transfers, fetching.
    /// The settings must have passed [`ReplicationConfig::validate`].
    #[must_use]
    pub fn start_with(
        replica: Arc<dyn Replica>,
        membership: MembershipWatch,
        channels: Arc<dyn PeerChannels>,
        reports: Arc<dyn SyncReports>,
        config: ReplicationConfig,
        env: Environment,
    ) -> Arc<Self> {
        let me = replica.origin();
        let topology = Topology::new(me, &membership.borrow());
        let core = Core::new(config.clone(), topology, replica.clock_bounds(), env.clock.now());
        replica.set_clock(core.clock_verdict());
        let rng = env.rng.fork("replication.core");
        let state = State { core, rng, links: BTreeMap::new(), links_opened: 0 };
        let shared = Arc::new(Shared {
            me,
            replica,
            membership,
            config,
            env,
            acks: Acks::default(),
            learned: Notify::new(),
            forwards: super::forward::Forwards::default(),
            stopping: CancellationToken::new(),
            channels,
            reports,
            reporting: AtomicBool::new(false),
            wan_sent_bytes: Arc::default(),
            state: Mutex::new(state),
        });
        shared.spawn("replication.membership", shared.clone().follow_membership());
        shared.spawn("replication.timer", shared.clone().tick());
        shared.spawn("replication.push", shared.clone().push());
        shared.spawn("replication.partials", shared.clone().complete_partials());
        shared.spawn("replication.lapse", shared.clone().lapse());
        Arc::new(Self { shared })
    }

    /// Waits until as many replicas have this node's write on their disks as the
    /// level asks for, this node counting as one of them; the write must have
    /// been made with its `ack` flag set.
    ///
    /// # Errors
    /// Too few confirmed within `timeout`; the write keeps spreading.
    pub async fn wait_acks(
        &self,
        partition: Partition,
        dot: Dot,
        level: Consistency,
        timeout: Duration,
    ) -> Result<(), AckShortfall> {
        let shared = &self.shared;
        shared.acks.wait_level(partition, dot, level, shared.membership.clone(), timeout).await
    }

    /// How every other node does, as this one sees it.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerState> {
        let now = self.shared.env.clock.monotonic();
        self.shared.state.lock().core.peers(now, &*self.shared.replica)
    }

    /// Bytes sent to nodes of other regions on links since the start, before TLS.
    #[must_use]
    pub fn wan_sent_bytes_total(&self) -> u64 {
        self.shared.wan_sent_bytes.load(Ordering::Relaxed)
    }

    /// Closes all links and ends all tasks.
    #[allow(clippy::unused_async, reason = "the node's parts stop alike")]
    pub async fn shutdown(&self) {
        self.shared.stopping.cancel();
    }
}

impl Drop for Replication {
    fn drop(&mut self) {
        self.shared.stopping.cancel();
    }
}

impl Shared {
    pub(in crate::replication) fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.env.spawn.spawn(name, Box::pin(task));
    }

    pub(in crate::replication) fn membership(&self) -> Arc<Membership> {
        self.membership.borrow().clone()
    }

    /// Says who this node is.
    pub(in crate::replication) fn caller(&self) -> pb::Caller {
        hello::caller(&self.membership(), self.me)
    }

    /// The largest message on any of the streams.
    pub(in crate::replication) fn message_bytes_max(&self) -> usize {
        // Batches may grow by their framing, and peers may be configured with more.
        4 * self.config.batch_bytes_max.max(self.config.transfer_chunk_bytes_max)
    }

    /// Links that are open now, by replica id.
    pub(in crate::replication) fn connected(&self) -> Vec<ReplicaId> {
        self.state.lock().links.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests;
