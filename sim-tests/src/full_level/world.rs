//! All simulated hosts, and the hands that start and stop them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_client::TlsConfig;
use sojourn_node::store::{Crash, SimDisk};
use tokio::sync::{mpsc, watch};
use turmoil::Sim;

use super::Tale;
use super::board::Board;
use super::certificates::Authority;
use super::clients::{self, Clients};
use super::config::node_config;
use super::node::{Life, SimNode};
use super::observer;
use crate::env::{DiskSpeed, Freezer, HostClock, HostId, Way, Wire};
use crate::interpose;
use crate::plan::{Latency, NodeId, Plan};
use crate::record::{Happening, LostDisk, NodeState};
use crate::run::RunError;

/// Messages arrive at the next tick after their delay is over.
const TICK: Duration = Duration::from_millis(5);
/// How long a supervisor waits before it starts a node again.
const REVIVAL_US: u64 = 2_000_000;
/// Segments under way on one connection.
const SEGMENTS_MAX: usize = 4_096;

/// See the module.
pub(super) struct World {
    pub(super) plan: Arc<Plan>,
    pub(super) tale: Tale,
    pub(super) wire: Wire,
    pub(super) board: Arc<Board>,
    nodes: Arc<Mutex<Vec<Arc<SimNode>>>>,
    /// Name and region by host; the observer has none.
    hosts: Vec<(String, Option<usize>)>,
    /// Nodes that a fault has to itself.
    pub(super) claimed: BTreeSet<NodeId>,
    dropped: BTreeSet<Way>,
    watched: mpsc::UnboundedSender<Arc<SimNode>>,
    authority: Authority,
    sim: Sim<'static>,
}

impl World {
    /// The hosts that the plan's shape has.
    pub(super) fn new(plan: Arc<Plan>, tale: Tale) -> Result<Self, RunError> {
        let authority = Authority::new().map_err(|error| RunError(error.to_string()))?;
        let sim = turmoil::Builder::new()
            .rng_seed(plan.seed)
            .epoch(std::time::UNIX_EPOCH + Duration::from_millis(crate::record::EPOCH_MS))
            .simulation_duration(Duration::MAX)
            .tick_duration(TICK)
            .tcp_capacity(SEGMENTS_MAX)
            .build();
        let (watched, to_watch) = mpsc::unbounded_channel();
        let tls = authority.client().map_err(|error| RunError(error.to_string()))?;
        let mut world = Self {
            wire: Wire::new(tale.clone(), plan.seed ^ 0x3172_6500),
            board: Arc::new(Board::new(plan.shape.sessions)),
            nodes: Arc::default(),
            hosts: Vec::new(),
            claimed: BTreeSet::new(),
            dropped: BTreeSet::new(),
            plan,
            tale,
            watched,
            authority,
            sim,
        };
        world.add_observer(to_watch);
        let placed: Vec<_> = world.plan.shape.placed().collect();
        for (_, region) in placed {
            let number = world.of_region(region).len() + 1;
            let name = format!("{}-{number}", world.region_name(region));
            world.add_node(name, region, SimDisk::new())?;
        }
        for region in 0..world.plan.shape.regions.len() {
            world.add_clients(region, &tls);
        }
        Ok(world)
    }

    /// Lets simulated time go on by one tick.
    pub(super) fn step(&mut self) -> Result<(), RunError> {
        self.drop_messages();
        self.sim.step().map_err(|error| RunError(format!("a host failed: {error}")))?;
        let now_us = u64::try_from(self.sim.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.tale.set_now_us(now_us);
        interpose::set_now_us(now_us);
        for node in self.nodes() {
            if matches!(node.life(), Life::Stopped | Life::Failed(_))
                && self.sim.is_host_running(node.name.as_str())
            {
                // The process is gone; the system closes its connections and keeps what it wrote.
                self.end_process(&node);
                node.set_state(if node.life() == Life::Stopped {
                    NodeState::Down
                } else {
                    NodeState::Refused
                });
                node.failed_us.store(now_us, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    pub(super) fn now_us(&self) -> u64 {
        self.tale.now_us()
    }

    pub(super) fn nodes(&self) -> Vec<Arc<SimNode>> {
        self.nodes.lock().clone()
    }

    pub(super) fn node(&self, id: NodeId) -> Option<Arc<SimNode>> {
        self.nodes.lock().get(usize::from(id.0)).cloned()
    }

    pub(super) fn of_region(&self, region: usize) -> Vec<Arc<SimNode>> {
        self.nodes().into_iter().filter(|node| node.region == region).collect()
    }

    pub(super) fn region_name(&self, region: usize) -> String {
        self.plan.shape.regions.get(region).map_or_else(String::new, |region| region.name.clone())
    }

    /// Nodes that the membership should have.
    pub(super) fn members(&self) -> Vec<Arc<SimNode>> {
        self.nodes().into_iter().filter(|node| node.state() != NodeState::Removed).collect()
    }

    /// All hosts but the observer, with their region.
    pub(super) fn placed_hosts(&self) -> Vec<(HostId, usize)> {
        let hosts = (0..).zip(&self.hosts);
        hosts.filter_map(|(number, (_, region))| Some((HostId(number), (*region)?))).collect()
    }

    pub(super) fn all_hosts(&self) -> Vec<HostId> {
        (0..).zip(&self.hosts).map(|(number, _)| HostId(number)).collect()
    }

    /// Adds a node, which starts at once.
    pub(super) fn add_node(
        &mut self,
        name: String,
        region: usize,
        disk: SimDisk,
    ) -> Result<NodeId, RunError> {
        let id = NodeId(u16::try_from(self.nodes.lock().len()).unwrap_or(u16::MAX));
        let seeds: Vec<String> = self
            .nodes()
            .iter()
            .filter(|node| node.state() != NodeState::Removed)
            .map(|node| node.name.clone())
            .collect();
        // The first nodes know each other; later ones know those that are there.
        let first: Vec<String> = self.first_names();
        let (founds, seeds) = if seeds.len() < first.len() && first.contains(&name) {
            (id.0 == 0, first.into_iter().filter(|other| *other != name).collect())
        } else {
            (false, seeds)
        };
        let shape = &self.plan.shape;
        let region_name = self.region_name(region);
        let config = node_config(shape, &self.authority, (&name, &region_name), founds, &seeds)?;
        let seed = self.plan.seed ^ (u64::from(id.0) + 1).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let offset_ms = shape.clock_offsets_ms.get(usize::from(id.0)).copied().unwrap_or(0);
        let node = Arc::new(SimNode {
            id,
            host: HostId(u16::try_from(self.hosts.len()).unwrap_or(u16::MAX)),
            region,
            clock: HostClock::new(self.tale.clone(), offset_ms),
            planned_offset_ms: offset_ms,
            failed_us: Default::default(),
            disk: Mutex::new(disk),
            disk_speed: DiskSpeed::new(shape.sync_us, seed ^ 0xd15c),
            freezer: Arc::new(Freezer::default()),
            refusals: Arc::default(),
            config,
            seed,
            starts: Default::default(),
            life: Mutex::new(Life::Running),
            state: Mutex::new(NodeState::Down),
            stopped_starts: watch::Sender::new(0),
            tale: self.tale.clone(),
            wire: self.wire.clone(),
            name: name.clone(),
        });
        self.nodes.lock().push(node.clone());
        node.set_state(NodeState::Unready);
        let software = node.clone();
        self.sim.host(name.as_str(), move || {
            let software = software.clone();
            async move {
                software.run().await;
                Ok(())
            }
        });
        self.join_network(name, Some(region));
        // The observer lives as long as the simulation.
        let _ = self.watched.send(node);
        Ok(id)
    }

    /// Starts a node that is off.
    pub(super) fn start(&mut self, node: &SimNode) {
        self.end_process(node);
        *node.life.lock() = Life::Running;
        node.set_state(NodeState::Unready);
        self.sim.bounce(node.name.as_str());
    }

    /// Starts nodes that ended themselves although no fault has them, as a supervisor would.
    pub(super) fn revive(&mut self) {
        let due = |node: &SimNode| self.now_us() > node.failed_us.load(Ordering::Relaxed) + REVIVAL_US;
        let failed = |node: &Arc<SimNode>| {
            node.state() == NodeState::Refused && !self.claimed.contains(&node.id) && due(node)
        };
        let failed: Vec<_> = self.nodes().into_iter().filter(failed).collect();
        failed.iter().for_each(|node| self.start(node));
    }

    /// Takes the power from a node: its peers hear nothing, and what was not synced is gone.
    pub(super) fn cut_power(&mut self, node: &SimNode, crash: Crash) {
        self.end_silently(node);
        *node.life.lock() = Life::Off;
        node.freezer.set(false);
        node.disk.lock().crash(crash);
        node.set_state(NodeState::Down);
        self.tale.tell(Happening::DiskLost { node: node.id, lost: LostDisk::Unsynced });
    }

    /// Ends a node's tasks and closes its connections, as a system does with a process.
    ///
    /// tokio drops tasks in an order that depends on how many this process has
    /// spawned before, so nothing that they say at their end may get through:
    /// connections are broken before, in an order that is always the same.
    fn end_process(&mut self, node: &SimNode) {
        for host in self.all_hosts() {
            self.wire.reset(node.host, host);
        }
        self.end_silently(node);
    }

    /// Ends a node's tasks while it cannot be heard.
    fn end_silently(&mut self, node: &SimNode) {
        let others: Vec<String> =
            self.hosts.iter().filter(|(name, _)| *name != node.name).map(|(name, _)| name.clone()).collect();
        for other in &others {
            self.sim.partition(node.name.as_str(), other.as_str());
        }
        self.sim.crash(node.name.as_str());
        for other in &others {
            self.sim.repair(node.name.as_str(), other.as_str());
        }
        // What other faults drop is dropped again before the next tick.
        self.dropped.retain(|(from, to)| *from != node.host && *to != node.host);
    }

    /// Makes all ways between regions slower by so much.
    pub(super) fn delay(&self, extra_ms: u64) {
        let hosts = self.placed_hosts();
        for (a, from) in &hosts {
            for (b, to) in hosts.iter().filter(|(b, _)| b > a) {
                if from != to {
                    self.set_latency(*a, *b, self.plan.shape.wan, extra_ms);
                }
            }
        }
    }

    fn first_names(&self) -> Vec<String> {
        let regions = self.plan.shape.regions.iter();
        regions
            .flat_map(|region| (1..=region.nodes).map(|number| format!("{}-{number}", region.name)))
            .collect()
    }

    fn add_observer(&mut self, nodes: mpsc::UnboundedReceiver<Arc<SimNode>>) {
        let board = self.board.clone();
        let nodes = Arc::new(Mutex::new(Some(nodes)));
        self.sim.host(observer::HOST, move || {
            let (board, nodes) = (board.clone(), nodes.lock().take());
            async move {
                if let Some(nodes) = nodes {
                    observer::observe(board, nodes).await;
                }
                Ok(())
            }
        });
        self.join_network(observer::HOST.to_owned(), None);
    }

    fn add_clients(&mut self, region: usize, tls: &TlsConfig) {
        let clients = Clients {
            plan: self.plan.clone(),
            tale: self.tale.clone(),
            wire: self.wire.clone(),
            board: self.board.clone(),
            tls: tls.clone(),
            region,
            nodes: self.nodes.clone(),
        };
        let name = clients::host(&self.region_name(region));
        self.sim.host(name.as_str(), move || {
            let clients = clients.clone();
            async move {
                clients.run().await;
                Ok(())
            }
        });
        self.join_network(name, Some(region));
    }

    /// Gives a host that turmoil knows already its ways to all others.
    fn join_network(&mut self, name: String, region: Option<usize>) {
        let id = self.wire.add_host(self.sim.lookup(name.as_str()));
        self.hosts.push((name, region));
        for (other, (_, theirs)) in (0..id.0).map(HostId).zip(self.hosts.clone()) {
            let near = region.is_none() || theirs.is_none() || region == theirs;
            let latency = if near { self.plan.shape.lan } else { self.plan.shape.wan };
            self.set_latency(other, id, latency, 0);
        }
    }

    fn set_latency(&self, a: HostId, b: HostId, latency: Latency, extra_ms: u64) {
        let (Some(a), Some(b)) = (self.host_name(a), self.host_name(b)) else { return };
        let us = |us| Duration::from_micros(us) + Duration::from_millis(extra_ms);
        self.sim.set_link_latency(a, b, us(latency.us_min));
        self.sim.set_link_max_message_latency(a, b, us(latency.us_max.max(latency.us_min)));
    }

    fn host_name(&self, host: HostId) -> Option<&str> {
        self.hosts.get(usize::from(host.0)).map(|(name, _)| name.as_str())
    }

    /// Has turmoil drop what the wire says, no more and no less.
    fn drop_messages(&mut self) {
        let wanted = self.wire.dropped();
        if wanted == self.dropped {
            return;
        }
        for (from, to) in self.dropped.difference(&wanted) {
            if let (Some(from), Some(to)) = (self.host_name(*from), self.host_name(*to)) {
                self.sim.repair_oneway(from, to);
            }
        }
        for (from, to) in wanted.difference(&self.dropped) {
            if let (Some(from), Some(to)) = (self.host_name(*from), self.host_name(*to)) {
                self.sim.partition_oneway(from, to);
            }
        }
        self.dropped = wanted;
    }
}
