//! One simulated node: what of it outlives its crashes, and how it starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_node::config::Config;
use sojourn_node::env::{Environment, SharedRng};
use sojourn_node::run::RunError;
use sojourn_node::security::ClusterKey;
use sojourn_node::store::{SealedStore, SimDisk};
use tokio::sync::watch;

use super::Tale;
use crate::env::{
    DiskSpeed, Freezable, Freezer, HostClock, HostId, SimNetwork, SimSpawn, WatchedStore, Wire,
};
use crate::plan::NodeId;
use crate::record::{Happening, NodeState};

/// How long after the founder the other first nodes start. A founder that finds
/// nodes which listen and do not answer yet waits for each of them in turn.
const HEAD_START: Duration = Duration::from_secs(2);

/// Whether a node's software runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It does.
    Running,
    /// It ended in order, as it was told to.
    Stopped,
    /// It ended itself; why.
    Failed(String),
    /// The host is off.
    Off,
}

/// See the module.
pub(super) struct SimNode {
    pub(super) id: NodeId,
    pub(super) host: HostId,
    pub(super) name: String,
    pub(super) region: usize,
    pub(super) clock: Arc<HostClock>,
    /// What the clock is off by without faults.
    pub(super) planned_offset_ms: i64,
    pub(super) disk: Mutex<SimDisk>,
    pub(super) disk_speed: Arc<DiskSpeed>,
    pub(super) freezer: Arc<Freezer>,
    /// Calls that the disk has refused.
    pub(super) refusals: Arc<AtomicU64>,
    pub(super) config: Config,
    pub(super) seed: u64,
    pub(super) starts: AtomicU32,
    pub(super) life: Mutex<Life>,
    pub(super) state: Mutex<NodeState>,
    /// When it was found to have ended itself.
    pub(super) failed_us: AtomicU64,
    /// Starts up to this one are told to stop in order.
    pub(super) stopped_starts: watch::Sender<u32>,
    pub(super) tale: Tale,
    pub(super) wire: Wire,
}

impl SimNode {
    /// Tells a change of state; once.
    pub(super) fn set_state(&self, state: NodeState) {
        let before = std::mem::replace(&mut *self.state.lock(), state);
        if before != state {
            self.tale.tell(Happening::Node { node: self.id, state });
        }
    }

    pub(super) fn state(&self) -> NodeState {
        *self.state.lock()
    }

    pub(super) fn life(&self) -> Life {
        self.life.lock().clone()
    }

    pub(super) fn is_running(&self) -> bool {
        *self.life.lock() == Life::Running
    }

    /// How often it was started.
    pub(super) fn starts(&self) -> u32 {
        self.starts.load(Ordering::Relaxed)
    }

    /// Asks the present start to end in order.
    pub(super) fn stop(&self) {
        self.stopped_starts.send_replace(self.starts());
    }

    /// The node's software, once; this is what its host runs.
    pub(super) async fn run(self: Arc<Self>) {
        let start = self.starts.fetch_add(1, Ordering::Relaxed) + 1;
        *self.life.lock() = Life::Running;
        let node = Box::pin(self.clone().run_start(start));
        let ended = Freezable { freezer: self.freezer.clone(), task: node }.await;
        *self.life.lock() = match ended {
            Ok(()) => Life::Stopped,
            Err(error) => Life::Failed(error.to_string()),
        };
        // Whoever steps the simulation sees it, and ends the host's other tasks.
        std::future::pending::<()>().await;
    }

    async fn run_start(self: Arc<Self>, start: u32) -> Result<(), RunError> {
        if start == 1 && !self.config.node.bootstrap {
            tokio::time::sleep(HEAD_START).await;
        }
        let env = self.environment(start);
        let key = ClusterKey::read(&self.config.keys.cluster_key_file)?;
        let disk = self.disk.lock().clone();
        let watched = Arc::new(WatchedStore { inner: disk.open(), refusals: self.refusals.clone() });
        let store = Arc::new(SealedStore::open(watched, &key.at_rest_key(), &env.rng)?);
        let mut stopped = self.stopped_starts.subscribe();
        let shutdown = async move {
            // The sender lives as long as this node.
            let _ = stopped.wait_for(|stopped| *stopped >= start).await;
        };
        sojourn_node::run::run(self.config.clone(), env, store, shutdown).await
    }

    fn environment(&self, start: u32) -> Environment {
        let seed = self.seed.wrapping_add(u64::from(start).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Environment {
            clock: self.clock.clone(),
            rng: SharedRng::from_seed(seed),
            network: Arc::new(SimNetwork { wire: self.wire.clone(), host: self.name.clone() }),
            spawn: Arc::new(SimSpawn { freezer: self.freezer.clone(), disk: self.disk_speed.clone() }),
        }
    }
}
