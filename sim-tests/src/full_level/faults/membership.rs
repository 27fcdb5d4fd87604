//! Faults that change who belongs to the cluster.

use std::sync::Arc;

use sojourn_node::membership::{Change, NodeState as MemberState};
use sojourn_node::session::ReplicaId;
use sojourn_node::store::{Crash, SimDisk};

use super::super::node::SimNode;
use super::super::world::World;
use super::acting::{Acting, Begun, Progress};
use crate::plan::{Fault, NodeId};
use crate::record::{Happening, LostDisk, NodeState};
use crate::run::RunError;

/// How long a node hands over what it holds before it is removed.
const DRAIN_US: u64 = 4_000_000;
/// How long a removed node may take to end itself.
const END_US_MAX: u64 = 10_000_000;

pub(super) fn begin(world: &mut World, _number: usize, fault: &Fault) -> Result<Begun, RunError> {
    Ok(match fault {
        Fault::AddNode { region } => {
            let region = usize::from(*region);
            if region >= world.plan.shape.regions.len() {
                return Ok(None);
            }
            let added = add(world, region)?;
            Some(Box::new(Joining { added: vec![added] }))
        }
        Fault::RemoveNode { node } => Removal::begin(world, *node)
            .map(|removal| -> Box<dyn Acting> { Box::new(Leaving { removal, is_removed: false }) }),
        Fault::RegionLost { region } => lose(world, usize::from(*region)),
        _ => None,
    })
}

/// A new node with an empty disk and a name of its own.
fn add(world: &mut World, region: usize) -> Result<NodeId, RunError> {
    let name = format!("{}-{}", world.region_name(region), world.of_region(region).len() + 1);
    world.add_node(name, region, SimDisk::new())
}

struct Joining {
    added: Vec<NodeId>,
}

impl Acting for Joining {
    fn is_felt(&self, world: &World) -> bool {
        self.added.iter().all(|id| world.node(*id).is_some_and(|node| node.state() == NodeState::Up))
    }

    fn go_on(&mut self, world: &mut World, ending: bool) -> Result<Progress, RunError> {
        Ok(if ending && self.is_felt(world) { Progress::Over } else { Progress::GoesOn })
    }
}

/// The steps by which a node leaves: it drains, is removed, and ends itself.
pub(super) struct Removal {
    pub(super) node: Arc<SimNode>,
    replica: ReplicaId,
    step: Step,
}

enum Step {
    /// Until so many changes have been made.
    Drains(u64),
    /// Until then.
    HandsOver(u64),
    /// Until so many changes have been made.
    IsRemoved(u64),
    /// Until then, or until it ends itself.
    Ends(u64),
}

impl Removal {
    /// Only where its region has another node.
    pub(super) fn begin(world: &mut World, node: NodeId) -> Option<Self> {
        let region = world.node(node)?.region;
        let others = world.of_region(region).into_iter().filter(|other| {
            other.id != node && other.state() == NodeState::Up && !world.claimed.contains(&other.id)
        });
        if others.count() == 0 {
            return None;
        }
        let replica = replica_of(world, node)?;
        let node = world.claim(node)?;
        let change = Change::SetState { replica, state: MemberState::Draining };
        let step = Step::Drains(world.board.ask_for(change));
        Some(Self { node, replica, step })
    }

    /// True once it is out.
    pub(super) fn go_on(&mut self, world: &mut World) -> bool {
        let (now_us, made) = (world.now_us(), world.board.state.lock().changes_made);
        match self.step {
            Step::Drains(change) if made >= change => self.step = Step::HandsOver(now_us + DRAIN_US),
            Step::HandsOver(until_us) if now_us >= until_us => {
                let change = Change::SetState { replica: self.replica, state: MemberState::Removed };
                self.step = Step::IsRemoved(world.board.ask_for(change));
            }
            Step::IsRemoved(change) if made >= change => self.step = Step::Ends(now_us + END_US_MAX),
            Step::Ends(until_us) if now_us >= until_us || !self.node.is_running() => return true,
            _ => {}
        }
        false
    }
}

/// The replica id under which a node was seen last.
pub(super) fn replica_of(world: &World, node: NodeId) -> Option<ReplicaId> {
    let replica = world.board.state.lock().reports.get(&node)?.replica;
    u16::try_from(replica).ok().filter(|replica| *replica > 0).map(ReplicaId)
}

struct Leaving {
    removal: Removal,
    is_removed: bool,
}

impl Acting for Leaving {
    fn is_felt(&self, _: &World) -> bool {
        self.is_removed
    }

    fn go_on(&mut self, world: &mut World, ending: bool) -> Result<Progress, RunError> {
        if !self.is_removed && self.removal.go_on(world) {
            self.is_removed = true;
            let node = self.removal.node.clone();
            world.cut_power(&node, Crash::Clean);
            world.tale.tell(Happening::DiskLost { node: node.id, lost: LostDisk::All });
            node.set_state(NodeState::Removed);
            world.claimed.remove(&node.id);
        }
        Ok(if ending && self.is_removed { Progress::Over } else { Progress::GoesOn })
    }
}

/// A region without its disks; only where most voters are elsewhere.
fn lose(world: &mut World, region: usize) -> Begun {
    let lost: Vec<_> = world.of_region(region);
    let lost: Vec<_> = lost.into_iter().filter(|node| node.state() != NodeState::Removed).collect();
    let regions = world.plan.shape.regions.len();
    let others_up = world
        .members()
        .iter()
        .filter(|node| node.region != region)
        .all(|node| node.state() == NodeState::Up && !world.claimed.contains(&node.id));
    let whole = lost.iter().all(|node| node.is_running() && !world.claimed.contains(&node.id));
    if regions < 3 || lost.is_empty() || !whole || !others_up {
        return None;
    }
    let replicas: Option<Vec<_>> = lost.iter().map(|node| replica_of(world, node.id)).collect();
    let replicas = replicas?;
    for node in &lost {
        world.claimed.insert(node.id);
        world.cut_power(node, Crash::Clean);
        world.tale.tell(Happening::DiskLost { node: node.id, lost: LostDisk::All });
    }
    Some(Box::new(Lost { lost, replicas, region, asked: None, joining: None }))
}

struct Lost {
    lost: Vec<Arc<SimNode>>,
    replicas: Vec<ReplicaId>,
    region: usize,
    /// How many changes will have been made once the old nodes are out.
    asked: Option<u64>,
    joining: Option<Joining>,
}

impl Acting for Lost {
    fn is_felt(&self, _: &World) -> bool {
        true
    }

    fn go_on(&mut self, world: &mut World, ending: bool) -> Result<Progress, RunError> {
        if let Some(joining) = &mut self.joining {
            return joining.go_on(world, ending);
        }
        if !ending {
            return Ok(Progress::GoesOn);
        }
        let Some(asked) = self.asked else {
            for replica in &self.replicas {
                let change = Change::SetState { replica: *replica, state: MemberState::Removed };
                self.asked = Some(world.board.ask_for(change));
            }
            return Ok(Progress::GoesOn);
        };
        if world.board.state.lock().changes_made >= asked {
            for node in &self.lost {
                node.set_state(NodeState::Removed);
                world.claimed.remove(&node.id);
            }
            let added: Result<_, _> = self.lost.iter().map(|_| add(world, self.region)).collect();
            self.joining = Some(Joining { added: added? });
        }
        Ok(Progress::GoesOn)
    }
}
