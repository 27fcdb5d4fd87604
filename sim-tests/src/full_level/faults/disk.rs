//! Faults of a node's disk.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sojourn_node::store::{Crash, Tree};

use super::super::node::SimNode;
use super::super::world::World;
use super::acting::{Begun, Simple};
use super::power::off;
use crate::plan::{Fault, NodeId};
use crate::record::{Happening, LostDisk};

pub(super) fn begin(world: &mut World, number: usize, fault: &Fault) -> Begun {
    match fault {
        Fault::FailedSync { node } => broken(world, *node, |node| node.disk.lock().fail_next_sync()),
        // Not a byte more than it has.
        Fault::DiskFull { node } => broken(world, *node, |node| node.disk.lock().set_bytes_max(Some(0))),
        Fault::DiskError { node } => broken(world, *node, |node| node.disk.lock().set_failing(true)),
        Fault::SlowDisk { node, by_ms } => {
            let node = world.node(*node)?;
            node.disk_speed.set_slower_ms(*by_ms);
            let slow = node.clone();
            Some(Box::new(Simple {
                is_felt: move |_: &World| slow.disk_speed.slow_calls() > 0,
                end: move |_: &mut World| node.disk_speed.set_slower_ms(0),
            }))
        }
        Fault::BitFlip { node } => flip(world, number, *node),
        Fault::BackupRestored { node } => restore(world, number, *node),
        _ => None,
    }
}

/// A disk that refuses; the node is restarted with a sound one at the end.
fn broken(world: &mut World, node: NodeId, fail: impl Fn(&SimNode)) -> Begun {
    let node = world.claim(node)?;
    let before = node.refusals.load(Ordering::Relaxed);
    fail(&node);
    let refusing = node.clone();
    Some(Box::new(Simple {
        is_felt: move |_: &World| refusing.refusals.load(Ordering::Relaxed) > before,
        end: move |world: &mut World| {
            world.cut_power(&node, Crash::Clean);
            mend(&node);
            world.start(&node);
            world.claimed.remove(&node.id);
        },
    }))
}

fn mend(node: &SimNode) {
    let disk = node.disk.lock();
    disk.set_failing(false);
    disk.set_bytes_max(None);
}

fn flip(world: &mut World, number: usize, node: NodeId) -> Begun {
    let records = world.node(node)?.disk.lock().keys(Tree::Records);
    let turn = (world.plan.seed as usize).wrapping_add(number.wrapping_mul(7_919));
    let key = records.get(turn.checked_rem(records.len())?)?.clone();
    let node: Arc<SimNode> = world.claim(node)?;
    let acting = off(world, vec![node.clone()], Crash::Clean);
    node.disk.lock().flip_bit(Tree::Records, &key, turn);
    world.tale.tell(Happening::DiskLost { node: node.id, lost: LostDisk::Record });
    acting
}

fn restore(world: &mut World, number: usize, node: NodeId) -> Begun {
    let node = world.claim(node)?;
    let backup = node.disk.lock().copy();
    let is_restored = Rc::new(Cell::new(false));
    let is_felt = is_restored.clone();
    Some(Box::new(Simple {
        is_felt: move |_: &World| is_felt.get(),
        end: move |world: &mut World| {
            world.cut_power(&node, Crash::Clean);
            is_restored.set(node.disk.lock().bytes() != backup.bytes());
            // A vote that is taken back, or an entry, would break what Raft rests on.
            let restored = backup.copy_with(Tree::Raft, &node.disk.lock());
            *node.disk.lock() = restored;
            let lost = LostDisk::SinceBackup { fault: number };
            world.tale.tell(Happening::DiskLost { node: node.id, lost });
            world.start(&node);
            world.claimed.remove(&node.id);
        },
    }))
}
