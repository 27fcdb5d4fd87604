//! A node: a machine that outlives its starts, and what runs on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use sojourn_node::engine::Engine;
use sojourn_node::env::{Environment, StdRng};
use sojourn_node::membership::{ClusterState, LocalNode, Membership, MembershipWatch};
use sojourn_node::replication::core::Core;
use sojourn_node::replication::{Acks, ReplicationConfig};
use sojourn_node::security::PeerIdentity;
use sojourn_node::session::Origin;
use sojourn_node::store::{Crash, SimDisk};

use tokio::sync::watch;

use super::clock::NodeClock;
use super::environment::environment;
use super::tasks::{DiskTiming, Tasks};
use super::world::{World, seed_of};
use crate::plan::NodeId;
use crate::record::{Happening, LostDisk, NodeState};
use sojourn_node::env::Rng;

pub(super) const CLUSTER: &str = "sim";

/// Something a paused node does when it goes on.
pub(super) type Deferred = Box<dyn FnOnce(&mut World) + Send>;

/// A machine.
pub(super) struct Machine {
    pub(super) id: NodeId,
    pub(super) name: String,
    /// The region's place in the plan.
    pub(super) region: usize,
    pub(super) region_name: String,
    pub(super) disk: SimDisk,
    /// Raft's part of the disk: what the node knows of the membership.
    pub(super) known: Option<Arc<ClusterState>>,
    pub(super) clock: Arc<NodeClock>,
    pub(super) timing: Arc<DiskTiming>,
    /// Counts starts and stops.
    pub(super) life: u64,
    pub(super) tasks: Tasks,
    pub(super) paused: bool,
    pub(super) deferred: Vec<Deferred>,
    pub(super) run: Option<Running>,
    pub(super) state: NodeState,
    /// Gone for good: never started again.
    pub(super) retired: bool,
    /// It must not be let in: a removed node's, a copied or a foreign disk.
    pub(super) fenced: bool,
}

/// What runs on a machine that is up.
pub(super) struct Running {
    pub(super) shared: Arc<Shared>,
    pub(super) core: Core,
    pub(super) view: watch::Sender<Arc<Membership>>,
    /// A report to the membership is under way.
    pub(super) reporting: bool,
    /// It asks about sessions that lay idle.
    pub(super) lapsing: bool,
    pub(super) rng: StdRng,
    pub(super) links: BTreeMap<sojourn_node::session::ReplicaId, OpenLink>,
    pub(super) links_opened: u64,
    /// The most that it buffered for one peer right after a write since the last look, in bytes.
    pub(super) buffered_bytes_max: u64,
    /// Peers that this node dials, with the wait before the next attempt, in milliseconds.
    pub(super) dialled: BTreeMap<sojourn_node::session::ReplicaId, u64>,
}

/// A link that is open: its number for the core, and the connection's end.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenLink {
    pub(super) id: u64,
    pub(super) conn: u64,
    pub(super) side: usize,
}

/// What the tasks of a running node share.
pub(super) struct Shared {
    pub(super) node: NodeId,
    pub(super) life: u64,
    pub(super) me: Origin,
    pub(super) engine: Arc<Engine>,
    pub(super) env: Environment,
    pub(super) acks: Acks,
    pub(super) membership: MembershipWatch,
    pub(super) config: Arc<ReplicationConfig>,
    pub(super) identity: PeerIdentity,
}

impl Running {
    /// The most that it buffers for one peer now.
    pub(super) fn buffered_bytes(&self) -> u64 {
        let engine = &self.shared.engine;
        let peers = self.core.peers(self.shared.env.clock.monotonic(), &**engine);
        peers.iter().map(|peer| peer.buffered_bytes).max().unwrap_or_default()
    }
}

impl Shared {
    pub(super) fn membership(&self) -> Arc<Membership> {
        self.membership.borrow().clone()
    }

    pub(super) fn at(&self) -> (NodeId, u64) {
        (self.node, self.life)
    }
}

impl Machine {
    pub(super) fn at(&self) -> (NodeId, u64) {
        (self.id, self.life)
    }

    pub(super) fn local(&self) -> LocalNode {
        LocalNode {
            cluster_id: CLUSTER.into(),
            name: self.name.clone(),
            region: self.region_name.clone(),
            advertise: address(self.id),
            weight: 1,
            bootstrap: false,
            seeds: Vec::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.run.is_some() && !self.paused
    }
}

/// Where a node is reached.
pub(super) fn address(node: NodeId) -> String {
    format!("node-{}:7000", node.0)
}

/// Who is reached at an address.
pub(super) fn at_address(address: &str) -> Option<NodeId> {
    address.strip_prefix("node-")?.strip_suffix(":7000")?.parse().ok().map(NodeId)
}

impl World {
    /// Sets a machine up, with an empty disk.
    pub(super) fn add_machine(&mut self, region: usize, offset_ms: i64) -> NodeId {
        let id = NodeId(u16::try_from(self.nodes.len()).unwrap_or(u16::MAX));
        let timing = DiskTiming::new(self.plan.shape.sync_us, seed_of(&self.plan, &format!("disk {id}")));
        let timing = Arc::new(timing);
        let region_name = self.plan.shape.regions.get(region).map(|region| region.name.clone());
        self.network.regions.push(region);
        self.nodes.push(Machine {
            id,
            name: format!("n{}", id.0),
            region,
            region_name: region_name.unwrap_or_default(),
            disk: SimDisk::new(),
            known: None,
            clock: Arc::new(NodeClock::new(self.time, offset_ms)),
            tasks: Tasks::new(timing.clone()),
            timing,
            life: 0,
            paused: false,
            deferred: Vec::new(),
            run: None,
            state: NodeState::Down,
            retired: false,
            fenced: false,
        });
        id
    }

    pub(super) fn running(&mut self, (node, life): (NodeId, u64)) -> Option<&mut Running> {
        let machine = self.machine(node).filter(|machine| machine.life == life)?;
        machine.run.as_mut()
    }

    /// The environment of a node's next life, with a task group of its own.
    pub(super) fn new_life(&mut self, node: NodeId) -> Option<Environment> {
        let label = format!("{node} life {}", self.machine(node)?.life + 1);
        let seed = seed_of(&self.plan, &label);
        let machine = self.machine(node)?;
        machine.tasks.kill();
        machine.life += 1;
        machine.paused = false;
        machine.tasks = Tasks::new(machine.timing.clone());
        Some(environment(machine.clock.clone(), machine.tasks.clone(), seed))
    }

    pub(super) fn set_state(&mut self, node: NodeId, state: NodeState) {
        let Some(machine) = self.machine(node) else { return };
        if machine.state != state {
            machine.state = state;
            self.record(Happening::Node { node, state });
        }
    }

    /// Ends everything that runs on a machine, at once and without a word to anybody.
    fn stop(&mut self, node: NodeId, state: NodeState) {
        let Some(machine) = self.machine(node) else { return };
        machine.tasks.kill();
        machine.life += 1;
        machine.run = None;
        machine.paused = false;
        machine.deferred.clear();
        self.set_state(node, state);
        self.network.healed.notify_waiters();
    }

    /// Cuts a machine's power.
    pub(super) fn cut_power(&mut self, node: NodeId, torn: bool) {
        let crash = if torn { Crash::Torn { seed: self.rng.random() } } else { Crash::Clean };
        let Some(machine) = self.machine(node) else { return };
        machine.disk.crash(crash);
        let was_up = machine.run.is_some();
        self.stop(node, NodeState::Down);
        if was_up {
            self.record(Happening::DiskLost { node, lost: LostDisk::Unsynced });
        }
    }

    /// Kills a machine's process: what its disk was given stays, what it was not given is gone.
    pub(super) fn kill(&mut self, node: NodeId) {
        let Some(machine) = self.machine(node) else { return };
        let was_up = machine.run.is_some();
        self.hang_up(node);
        self.stop(node, NodeState::Down);
        if was_up {
            self.record(Happening::DiskLost { node, lost: LostDisk::Unsynced });
        }
    }

    /// The node ends itself, or is refused.
    pub(super) fn end_node(&mut self, node: NodeId, state: NodeState) {
        self.hang_up(node);
        self.stop(node, state);
    }

    /// Stops a node in order, then starts it again.
    pub(super) fn restart(&mut self, node: NodeId) {
        let Some(run) = self.machine(node).and_then(|machine| machine.run.take()) else { return };
        self.hang_up(node);
        self.set_state(node, NodeState::Down);
        let (at, engine) = (run.shared.at(), run.shared.engine.clone());
        let shutdown = async move { engine.shutdown().await };
        self.run_at(at, shutdown, move |world, ()| {
            world.stop(node, NodeState::Down);
            world.start(node);
        });
    }

    pub(super) fn pause(&mut self, node: NodeId) {
        let Some(machine) = self.machine(node).filter(|machine| machine.is_up()) else { return };
        machine.paused = true;
        machine.tasks.pause();
        self.set_state(node, NodeState::Paused);
    }

    pub(super) fn resume(&mut self, node: NodeId) {
        let Some(machine) = self.machine(node).filter(|machine| machine.paused) else { return };
        machine.paused = false;
        machine.tasks.resume();
        let deferred = std::mem::take(&mut machine.deferred);
        self.set_state(node, NodeState::Up);
        for act in deferred {
            act(self);
        }
        self.network.healed.notify_waiters();
    }
}
