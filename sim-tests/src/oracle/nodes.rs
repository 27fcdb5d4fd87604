//! What happened to each node: what its disk may have lost, and how far its clock may be off.

use std::collections::{BTreeMap, BTreeSet};

use super::node_history::{Node, Setback, Span};
use crate::plan::{Fault, FaultClass, Level, NodeId, Plan};
use crate::record::{Happening, LostDisk, NodeState, Phase};

/// Allowed on top of the sync interval until a write is on the disk of a healthy node.
const SYNC_SLACK_US: u64 = 250_000;

/// How long after a clock fault's end a node's clock may still be off.
const SETTLE_US: u64 = 10_000_000;

/// How a node came by a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Custody {
    /// It said that the write is on its disk.
    Synced,
    /// It is in its log.
    Logged,
    /// Perhaps with a whole record from a peer, which is on the disk once it is checkpointed.
    Taken,
}

/// All nodes and the network between them.
#[derive(Debug)]
pub(crate) struct Nodes {
    plan: Plan,
    nodes: BTreeMap<NodeId, Node>,
    network_faults: BTreeSet<usize>,
    calm_since_us: u64,
    is_layout_changed: bool,
    /// When the copies of disks were made, by the number of the fault.
    backups_us: BTreeMap<usize, u64>,
}

impl Nodes {
    pub(super) fn new(plan: &Plan) -> Self {
        let node = |region| Node { region: Some(region), state: Some(NodeState::Up), ..Node::default() };
        let nodes = plan.shape.placed().map(|(id, region)| (id, node(region))).collect();
        Self {
            plan: plan.clone(),
            nodes,
            network_faults: BTreeSet::new(),
            calm_since_us: 0,
            is_layout_changed: false,
            backups_us: BTreeMap::new(),
        }
    }

    pub(super) fn learn(&mut self, at_us: u64, happening: &Happening) {
        match happening {
            Happening::Node { node, state } => self.node(*node).changes(at_us, *state),
            Happening::DiskLost { node, lost } => {
                let setback = match lost {
                    LostDisk::Unsynced => Setback::Unsynced,
                    LostDisk::Record | LostDisk::All => Setback::Any,
                    LostDisk::SinceBackup { fault } => {
                        Setback::Since(self.backups_us.get(fault).copied().unwrap_or_default())
                    }
                };
                self.node(*node).setbacks.push((at_us, setback));
            }
            Happening::FaultBegan { fault, class } => self.begins(at_us, *fault, *class),
            Happening::FaultEnded { fault, class } => self.ends(at_us, *fault, *class),
            Happening::Phase(Phase::Heal) if self.plan.level == Level::Core => self.sets_clocks(at_us),
            _ => {}
        }
    }

    fn node(&mut self, node: NodeId) -> &mut Node {
        self.nodes.entry(node).or_default()
    }

    fn begins(&mut self, at_us: u64, number: usize, class: FaultClass) {
        if is_of_network(class) {
            self.network_faults.insert(number);
        }
        self.is_layout_changed |= changes_layout(class);
        let Some(planned) = self.plan.faults.get(number).cloned() else { return };
        let span = Span { from_us: at_us, until_us: None };
        match planned.fault {
            Fault::FailedSync { node } | Fault::DiskFull { node } | Fault::DiskError { node } => {
                let node = self.node(node);
                node.setbacks.push((at_us, Setback::Unsynced));
                node.bad_disk.push(span);
            }
            Fault::SlowDisk { node, by_ms } => self.node(node).slow.push((span, by_ms * 1_000)),
            Fault::ClockDrift { node, .. }
            | Fault::ClockStep { node, .. }
            | Fault::BootClockBack { node, .. } => {
                self.node(node).clock_faults.insert(number, span);
            }
            Fault::BackupRestored { .. } => drop(self.backups_us.insert(number, at_us)),
            // A fenced node keeps its disk, but nobody reads it any more.
            Fault::ClonedDisk { node } | Fault::WipedNode { node } | Fault::BitFlip { node } => {
                self.node(node).setbacks.push((at_us, Setback::Any));
            }
            Fault::RegionLost { region } => {
                let of_region = |node: &&mut Node| node.region == Some(region.into());
                let lost = self.nodes.values_mut().filter(of_region);
                lost.for_each(|node| node.setbacks.push((at_us, Setback::Any)));
            }
            _ => {}
        }
    }

    fn ends(&mut self, at_us: u64, number: usize, class: FaultClass) {
        if self.network_faults.remove(&number) && self.network_faults.is_empty() {
            self.calm_since_us = at_us;
        }
        // At the core level a clock that has drifted away stays off until the heal.
        let is_set_right = class != FaultClass::ClockDrift || self.plan.level == Level::Full;
        for node in self.nodes.values_mut() {
            if is_set_right && let Some(span) = node.clock_faults.get_mut(&number) {
                span.until_us = Some(at_us);
            }
        }
        let slow = match self.plan.faults.get(number).map(|planned| &planned.fault) {
            Some(Fault::SlowDisk { node, .. }) => self.nodes.get_mut(node),
            _ => None,
        };
        if let Some((span, _)) = slow.and_then(|node| node.slow.last_mut()) {
            span.until_us = Some(at_us);
        }
    }

    /// All clocks are right from now on.
    fn sets_clocks(&mut self, at_us: u64) {
        let spans = self.nodes.values_mut().flat_map(|node| node.clock_faults.values_mut());
        spans.filter(|span| span.until_us.is_none()).for_each(|span| span.until_us = Some(at_us));
    }

    /// The region of a node; none of those that faults added.
    pub(crate) fn region(&self, node: NodeId) -> Option<usize> {
        self.nodes.get(&node)?.region
    }

    /// All nodes that are of a region, or may be.
    pub(crate) fn of_region(&self, region: usize) -> impl Iterator<Item = NodeId> + '_ {
        let may_be = move |node: &Node| node.region.is_none_or(|of| of == region);
        self.nodes.iter().filter(move |(_, node)| may_be(node)).map(|(id, _)| *id)
    }

    /// True while it runs, ready or not.
    pub(crate) fn runs(&self, node: NodeId) -> bool {
        let state = self.nodes.get(&node).and_then(|node| node.state);
        matches!(state, Some(NodeState::Up | NodeState::Unready))
    }

    /// When the cluster removed it.
    pub(crate) fn removed_us(&self, node: NodeId) -> Option<u64> {
        self.nodes.get(&node)?.removed_us
    }

    /// True if it started anew within these times.
    pub(crate) fn restarts(&self, node: NodeId, from_us: u64, until_us: u64) -> usize {
        let starts = self.nodes.get(&node).map(|node| &*node.starts).unwrap_or_default();
        starts.iter().filter(|at_us| (from_us..=until_us).contains(*at_us)).count()
    }

    /// Restarts of the node that started most often within these times.
    pub(crate) fn restarts_of_any(&self, from_us: u64, until_us: u64) -> usize {
        self.nodes.keys().map(|node| self.restarts(*node, from_us, until_us)).max().unwrap_or_default()
    }

    /// True once nodes have come or gone, so that a partition may have moved.
    pub(crate) fn is_layout_changed(&self) -> bool {
        self.is_layout_changed
    }

    /// For how long no link has been disturbed.
    pub(crate) fn calm_us(&self, at_us: u64) -> u64 {
        if self.network_faults.is_empty() { at_us.saturating_sub(self.calm_since_us) } else { 0 }
    }

    /// Since when it has been running.
    pub(crate) fn up_since_us(&self, node: NodeId) -> u64 {
        self.nodes.get(&node).map_or(0, |node| node.up_since_us)
    }

    /// How many nodes run with clocks that nothing has moved, and how many nodes there are.
    pub(crate) fn sound_clocks(&self, at_us: u64) -> (usize, usize) {
        let is_sound = |id: &&NodeId| self.runs(**id) && !self.has_clock_trouble(**id, at_us, at_us);
        (self.nodes.keys().filter(is_sound).count(), self.nodes.len())
    }

    /// True if a fault may have had a hand in its clock within these times.
    pub(crate) fn has_clock_trouble(&self, node: NodeId, from_us: u64, until_us: u64) -> bool {
        let touches = |span: &Span| span.touches(from_us, until_us, SETTLE_US);
        self.nodes.get(&node).is_some_and(|node| node.clock_faults.values().any(touches))
    }

    /// True if a fault may have had a hand in any clock before this time.
    pub(crate) fn has_any_clock_trouble(&self, until_us: u64) -> bool {
        self.nodes.keys().any(|node| self.has_clock_trouble(*node, 0, until_us))
    }

    /// The step that a fault gives a node's clock at this time, and since when, in
    /// milliseconds and microseconds.
    pub(crate) fn clock_step(&self, node: NodeId, at_us: u64) -> Option<(i64, u64)> {
        let faults = &self.nodes.get(&node)?.clock_faults;
        let (number, span) = faults.iter().rfind(|(_, span)| span.touches(at_us, at_us, 0))?;
        match self.plan.faults.get(*number)?.fault {
            Fault::ClockStep { by_ms, .. } if faults.len() == 1 => Some((by_ms, span.from_us)),
            _ => None,
        }
    }

    /// Whether a node still has what it made, or took, between `from_us` and
    /// `made_us` when it is looked at `until_us`.
    pub(crate) fn keeps(
        &self,
        node: NodeId,
        custody: Custody,
        (from_us, made_us): (u64, u64),
        until_us: u64,
    ) -> bool {
        let Some(node) = self.nodes.get(&node) else { return true };
        let is_on_disk = |at_us: u64| match custody {
            Custody::Synced => true,
            Custody::Logged => node.is_synced(made_us, at_us, self.sync_us()),
            Custody::Taken => node.is_synced(made_us, at_us, self.sync_us() + self.checkpoint_us()),
        };
        let mut meanwhile = node.setbacks.iter().filter(|(at_us, _)| (from_us..=until_us).contains(at_us));
        meanwhile.all(|(at_us, setback)| match setback {
            Setback::Unsynced => is_on_disk(*at_us),
            Setback::Any => false,
            Setback::Since(backup_us) => made_us < *backup_us && is_on_disk(*backup_us),
        })
    }

    /// The longest that a healthy node takes until what is only in memory is checkpointed.
    fn checkpoint_us(&self) -> u64 {
        2_000_000 + 2_000 * self.plan.shape.checkpoint_interval_ms
    }

    /// The longest that a healthy node takes until a write is on its disk.
    pub(crate) fn sync_us(&self) -> u64 {
        let shape = &self.plan.shape;
        1_000 * shape.sync_interval_ms + 4 * shape.sync_us.us_max + SYNC_SLACK_US
    }
}

fn is_of_network(class: FaultClass) -> bool {
    use FaultClass::{
        Bridge, Clog, Delay, Duplicate, Loss, OneWay, Overload, Partition, RegionCut, Reorder, Reset,
    };
    matches!(
        class,
        RegionCut
            | Partition
            | OneWay
            | Bridge
            | Clog
            | Loss
            | Duplicate
            | Reorder
            | Delay
            | Reset
            | Overload
    )
}

fn changes_layout(class: FaultClass) -> bool {
    use FaultClass::{
        AddNode, BackupRestored, ClonedDisk, RegionLost, RemoveNode, RemovedNodeReturns, WipedNode,
    };
    matches!(
        class,
        AddNode | RemoveNode | RemovedNodeReturns | RegionLost | WipedNode | ClonedDisk | BackupRestored
    )
}
