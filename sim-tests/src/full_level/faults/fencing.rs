//! Nodes that must not be let in: removed ones, wiped ones, copies of others.

use std::sync::Arc;

use sojourn_node::membership::{Change, NodeState as MemberState};
use sojourn_node::store::{Crash, SimDisk};

use super::super::node::{Life, SimNode};
use super::super::world::World;
use super::acting::{Acting, Begun, Progress};
use super::membership::{Removal, replica_of};
use crate::plan::Fault;
use crate::record::{Happening, LostDisk, NodeState};
use crate::run::RunError;

/// How long a node that can reach the others may take to be told that it must not run.
const REFUSAL_US_MAX: u64 = 20_000_000;

pub(super) fn begin(world: &mut World, _number: usize, fault: &Fault) -> Result<Begun, RunError> {
    Ok(match fault {
        Fault::RemovedNodeReturns { node } => {
            Removal::begin(world, *node).map(|removal| -> Box<dyn Acting> {
                let node = removal.node.clone();
                Box::new(Intruder { removal: Some(removal), ..Intruder::new(node, After::StaysOut) })
            })
        }
        Fault::WipedNode { node } => {
            let Some(replica) = replica_of(world, *node) else { return Ok(None) };
            let Some(node) = world.claim(*node) else { return Ok(None) };
            world.cut_power(&node, Crash::Clean);
            *node.disk.lock() = SimDisk::new();
            world.tale.tell(Happening::DiskLost { node: node.id, lost: LostDisk::All });
            world.start(&node);
            let change = Change::SetState { replica, state: MemberState::Removed };
            let mut intruder = Intruder::new(node, After::JoinsAnew { change, asked: None });
            intruder.began_us = Some(world.now_us());
            Some(Box::new(intruder))
        }
        Fault::ClonedDisk { node } => {
            let Some(original) = world.node(*node).filter(|node| node.is_running()) else { return Ok(None) };
            let disk = original.disk.lock().copy();
            let name = format!("{}-clone-{}", original.name, world.nodes().len());
            let clone = world.add_node(name, original.region, disk)?;
            world.claimed.insert(clone);
            let Some(clone) = world.node(clone) else { return Ok(None) };
            let mut intruder = Intruder::new(clone, After::StaysOut);
            intruder.began_us = Some(world.now_us());
            Some(Box::new(intruder))
        }
        _ => None,
    })
}

/// What becomes of the node once the fault is over.
enum After {
    StaysOut,
    /// An operator removes the one it was; then it may come in as a new one.
    JoinsAnew {
        change: Change,
        asked: Option<u64>,
    },
}

/// A node that must be refused.
struct Intruder {
    node: Arc<SimNode>,
    /// Before it is one.
    removal: Option<Removal>,
    /// When it knocked, or when a fault of the network last kept it from being heard.
    began_us: Option<u64>,
    is_refused: bool,
    is_let_in: bool,
    after: After,
    is_joining: bool,
}

impl Intruder {
    fn new(node: Arc<SimNode>, after: After) -> Self {
        let (removal, began_us) = (None, None);
        Self { node, removal, began_us, is_refused: false, is_let_in: false, after, is_joining: false }
    }

    fn knock(&mut self, world: &mut World) {
        if let Some(removal) = &mut self.removal
            && removal.go_on(world)
        {
            self.removal = None;
            self.node.set_state(NodeState::Removed);
            world.tale.tell(Happening::DiskLost { node: self.node.id, lost: LostDisk::All });
            world.start(&self.node);
            self.began_us = Some(world.now_us());
        }
    }

    /// Lets the refused node in as a new one; true once it is.
    fn join_anew(&mut self, world: &mut World) -> bool {
        let After::JoinsAnew { change, asked } = &mut self.after else { return true };
        let change = change.clone();
        let asked = *asked.get_or_insert_with(|| world.board.ask_for(change));
        if world.board.state.lock().changes_made < asked {
            return false;
        }
        if !self.is_joining {
            self.is_joining = true;
            world.start(&self.node);
        }
        // It waits for the layout like any new node.
        self.node.state() == NodeState::Up
    }
}

impl Acting for Intruder {
    fn is_felt(&self, _: &World) -> bool {
        self.is_refused
    }

    fn go_on(&mut self, world: &mut World, ending: bool) -> Result<Progress, RunError> {
        self.knock(world);
        let Some(began_us) = self.began_us else { return Ok(Progress::GoesOn) };
        if !self.is_refused && !self.is_joining {
            self.is_refused = matches!(self.node.life(), Life::Failed(_));
        }
        let late = world.now_us() > began_us + REFUSAL_US_MAX;
        if !self.is_refused && world.wire.is_affected(self.node.host) {
            // It cannot be told yet.
            self.began_us = Some(world.now_us());
        } else if late
            && !self.is_refused
            && !self.is_joining
            && self.node.state() == NodeState::Up
            && !self.is_let_in
        {
            self.is_let_in = true;
            world.tale.tell(Happening::FencingFailed { node: self.node.id });
        }
        let settled = self.is_refused || late;
        if !ending || !settled {
            return Ok(Progress::GoesOn);
        }
        if matches!(self.after, After::StaysOut) {
            world.cut_power(&self.node, Crash::Clean);
            // Whatever it took while nobody could tell it is nobody's.
            world.tale.tell(Happening::DiskLost { node: self.node.id, lost: LostDisk::All });
            self.node.set_state(NodeState::Removed);
        } else if !self.join_anew(world) {
            return Ok(Progress::GoesOn);
        }
        world.claimed.remove(&self.node.id);
        Ok(Progress::Over)
    }
}
