//! How a node starts: its disk, its identity, its place in the cluster, its engine, its links.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_node::engine::{Engine, EngineConfig};
use sojourn_node::env::Environment;
use sojourn_node::membership::{
    Change, ChangeOutcome, ClusterState, Disk, DiskIdentity, Membership, Refusal,
};
use sojourn_node::replication::core::{Core, Topology};
use sojourn_node::replication::{Acks, Replica, ReplicationConfig};
use sojourn_node::security::PeerIdentity;
use sojourn_node::session::{Origin, ReplicaId};
use sojourn_node::store::keys::{ClusterId, MetaValue, NodeName, StoreId, StoreKey};
use sojourn_node::store::{Batch, SealedStore, Store, Tree};

use tokio::sync::watch;

use super::layout;
use super::node::{CLUSTER, Machine, Running, Shared};
use super::world::World;
use crate::plan::{NodeId, Plan, SessionId, Shape};
use crate::record::NodeState;

/// The key that all disks are sealed with.
const DISK_KEY: [u8; 32] = [7; 32];

/// Pause between attempts to be let in or heard.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Why a node did not start.
enum Stopped {
    /// It said so itself, or the cluster did.
    Refused,
    Removed,
}

impl World {
    /// Starts a machine that is down.
    pub(super) fn start(&mut self, node: NodeId) {
        let Some(machine) = self.machine(node) else { return };
        if machine.run.is_some() || machine.retired {
            return;
        }
        let Some(env) = self.new_life(node) else { return };
        let (me, plan) = (self.weak(), self.plan.clone());
        let Some(machine) = self.machine(node) else { return };
        let (tasks, life) = (machine.tasks.clone(), machine.life);
        tasks.start(Box::pin(async move {
            if let Err(stopped) = boot(&me, &plan, (node, life), env).await
                && let Some(sim) = me.upgrade()
            {
                let state = match stopped {
                    Stopped::Refused => NodeState::Refused,
                    Stopped::Removed => NodeState::Removed,
                };
                let mut world = sim.lock();
                if world.machine(node).is_some_and(|machine| machine.life == life) {
                    world.end_node(node, state);
                }
            }
        }));
    }

    /// Gives the nodes of the start the identities that a founded cluster would have given them.
    pub(super) fn found(&mut self) -> Result<(), sojourn_node::store::StoreError> {
        let nodes: Vec<NodeId> = self.nodes.iter().map(|machine| machine.id).collect();
        for node in nodes {
            let Some(machine) = self.machine(node) else { continue };
            let store_id = store_id(machine.id);
            let replica = ReplicaId(machine.id.0 + 1);
            let mut batch = Batch::default();
            put(&mut batch, &StoreId(store_id));
            put(&mut batch, &ClusterId(CLUSTER.into()));
            put(&mut batch, &NodeName(machine.name.clone()));
            put(&mut batch, &replica);
            let store = machine.disk.open();
            store.apply(batch)?;
            store.sync()?;
            let candidate = candidate(machine, store_id);
            self.raft.admit(&self.plan.shape, candidate);
        }
        self.raft.settle();
        let state = self.raft.committed();
        for machine in &mut self.nodes {
            machine.known = Some(state.clone());
        }
        Ok(())
    }
}

fn candidate(machine: &Machine, store_id: [u8; 16]) -> sojourn_node::membership::Candidate {
    let local = machine.local();
    sojourn_node::membership::Candidate {
        name: local.name,
        region: local.region,
        address: local.advertise,
        weight: local.weight,
        store_id: store_id.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn store_id(node: NodeId) -> [u8; 16] {
    let mut id = [0x5a; 16];
    id[..2].copy_from_slice(&node.0.to_be_bytes());
    id
}

fn put<T: MetaValue>(batch: &mut Batch, value: &T) {
    batch.put(Tree::Meta, T::KEY.encode(), value.encode());
}

async fn boot(
    me: &Weak<Mutex<World>>,
    plan: &Plan,
    at: (NodeId, u64),
    env: Environment,
) -> Result<(), Stopped> {
    let (disk, local, known) = on(me, at, |world| {
        let machine = world.machine(at.0)?;
        Some((machine.disk.clone(), machine.local(), machine.known.clone()))
    })?;
    let sealed = SealedStore::open(Arc::new(disk.open()), &DISK_KEY, &env.rng);
    let store: Arc<dyn Store> = Arc::new(sealed.map_err(|_| Stopped::Refused)?);
    let disk = Disk::new(store.clone(), env.spawn.clone());
    let mut identity = DiskIdentity::load(&disk, &local, &env.rng).await.map_err(|_| Stopped::Refused)?;
    let join = Change::Join(identity.candidate(&local));
    let (replica, state) = match (identity.replica, known) {
        (Some(replica), Some(known)) => (replica, known),
        _ => {
            let (replica, state) = enter(me, at, &join).await?;
            identity.allot(&disk, replica).await.map_err(|_| Stopped::Refused)?;
            (replica, state)
        }
    };
    if layout::is_removed(&state, replica) {
        return Err(Stopped::Removed);
    }
    let engine =
        Engine::open(store, engine_config(&plan.shape), env.clone()).map_err(|_| Stopped::Refused)?;
    engine.set_replica(replica);
    engine.start();
    let (view, membership) = watch::channel(layout::membership(&state));
    let shared = Arc::new(Shared {
        node: at.0,
        life: at.1,
        me: Origin { replica, incarnation: engine.origin().incarnation },
        engine,
        env,
        acks: Acks::default(),
        membership,
        config: Arc::new(replication_config(&plan.shape)),
        identity: PeerIdentity::Node { name: local.name, region: local.region },
    });
    on(me, at, |world| {
        world.begin(shared.clone(), view, &state);
        Some(())
    })?;
    announce(me, at, &join).await
}

/// Asks to be let in until that is settled.
async fn enter(
    me: &Weak<Mutex<World>>,
    at: (NodeId, u64),
    join: &Change,
) -> Result<(ReplicaId, Arc<ClusterState>), Stopped> {
    loop {
        let proposed = on(me, at, |world| Some(world.propose(Some(at.0), join.clone())))?;
        match proposed.await {
            Ok(ChangeOutcome::Joined { replica }) => {
                let state = on(me, at, |world| Some(world.raft.committed()))?;
                return Ok((replica, state));
            }
            Ok(_) => return Err(Stopped::Refused),
            Err(_) => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}

/// Tells the cluster where this node is until somebody hears it, and learns whether it was removed.
async fn announce(me: &Weak<Mutex<World>>, at: (NodeId, u64), join: &Change) -> Result<(), Stopped> {
    loop {
        let proposed = on(me, at, |world| Some(world.propose(Some(at.0), join.clone())))?;
        match proposed.await {
            Ok(ChangeOutcome::Refused(Refusal::Removed { .. })) => return Err(Stopped::Removed),
            Ok(ChangeOutcome::Refused(_)) => return Err(Stopped::Refused),
            Ok(_) => return Ok(()),
            Err(_) => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}

fn on<T>(
    me: &Weak<Mutex<World>>,
    (node, life): (NodeId, u64),
    act: impl FnOnce(&mut World) -> Option<T>,
) -> Result<T, Stopped> {
    let sim = me.upgrade().ok_or(Stopped::Refused)?;
    let mut world = sim.lock();
    world.machine(node).filter(|machine| machine.life == life).ok_or(Stopped::Refused)?;
    act(&mut world).ok_or(Stopped::Refused)
}

fn engine_config(shape: &Shape) -> EngineConfig {
    EngineConfig {
        partition_count: shape.partition_count,
        cache_bytes_max: shape.cache_bytes_max,
        checkpoint_interval_ms: shape.checkpoint_interval_ms,
        sync_interval_ms: shape.sync_interval_ms,
        block_bytes_max: shape.block_bytes_max,
        log_disk_bytes_max: shape.log_disk_bytes_max,
        sweep_interval_ms: shape.sweep_interval_ms,
        removal_margin_ms: shape.removal_margin_ms,
        clock_offset_max_ms: shape.clock_offset_ms_max,
        ..EngineConfig::default()
    }
}

pub(super) fn replication_config(shape: &Shape) -> ReplicationConfig {
    let default = ReplicationConfig::default();
    let buffer_bytes_max = shape.buffer_bytes_max;
    ReplicationConfig {
        buffer_bytes_max,
        transfer_chunk_bytes_max: shape.transfer_chunk_bytes_max.unwrap_or(default.transfer_chunk_bytes_max),
        in_flight_bytes_max: default.in_flight_bytes_max.min(buffer_bytes_max / 2),
        batch_bytes_max: default.batch_bytes_max.min(buffer_bytes_max / 4).max(64 << 10),
        // Most of a run would otherwise be heartbeats; a link is found dead after as long as by default.
        heartbeat_ms: 2 * default.heartbeat_ms,
        heartbeat_misses_max: default.heartbeat_misses_max / 2,
        ..default
    }
}

impl World {
    /// A node's parts are there: it takes part from now on.
    fn begin(
        &mut self,
        shared: Arc<Shared>,
        view: watch::Sender<Arc<Membership>>,
        state: &Arc<ClusterState>,
    ) {
        let at = shared.at();
        let bounds = Replica::clock_bounds(&*shared.engine);
        let topology = Topology::new(shared.me, &shared.membership());
        let core = Core::new((*shared.config).clone(), topology, bounds, shared.env.clock.now());
        Replica::set_clock(&*shared.engine, core.clock_verdict());
        let rng = shared.env.rng.fork("replication.core");
        let (links, dialled) = (BTreeMap::new(), BTreeMap::new());
        let shared = shared.clone();
        let (links_opened, reporting, lapsing, buffered_bytes_max) = (0, false, false, 0);
        let run = Running {
            shared: shared.clone(),
            core,
            view,
            reporting,
            lapsing,
            rng,
            links,
            links_opened,
            buffered_bytes_max,
            dialled,
        };
        let Some(machine) = self.machine(at.0) else { return };
        machine.run = Some(run);
        if machine.known.as_ref().is_none_or(|known| known.epoch < state.epoch) {
            machine.known = Some(state.clone());
        }
        self.trace(&("start", at, shared.me));
        self.show_state(at.0);
        self.follow_commits(&shared);
        self.complete_partials(&shared);
        self.lapse(&shared);
        self.tick_later(at);
        self.follow_membership(at);
        // No peer has told it anything yet: it has what its own disk gave back.
        for session in 0..self.plan.shape.sessions {
            self.probe(at.0, SessionId(session));
        }
    }

    fn follow_commits(&self, shared: &Arc<Shared>) {
        let (me, at) = (self.weak(), shared.at());
        let mut commits = Replica::commits(&*shared.engine);
        shared.env.spawn.spawn(
            "replication.push",
            Box::pin(async move {
                loop {
                    let new = commits.next().await;
                    let Some(sim) = me.upgrade() else { return };
                    sim.lock().committed(at, new);
                }
            }),
        );
    }
}
