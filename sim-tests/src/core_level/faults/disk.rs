//! Faults of disks.

use sojourn_node::env::Rng;
use sojourn_node::store::Tree;

use super::{Watch, World};
use crate::plan::{Fault, NodeId};
use crate::record::{Happening, LostDisk};

impl World {
    /// False if the fault is none of a disk.
    pub(super) fn act_on_disk(&mut self, number: usize, fault: &Fault) -> bool {
        match fault {
            Fault::FailedSync { node } => {
                let Some(machine) = self.machine(*node) else { return true };
                machine.disk.fail_next_sync();
                self.faults.watched.insert(number, Watch::Unhealthy(*node));
            }
            Fault::DiskFull { node } => {
                let Some(machine) = self.machine(*node) else { return true };
                machine.disk.set_bytes_max(Some(machine.disk.bytes()));
                self.faults.watched.insert(number, Watch::Unhealthy(*node));
            }
            Fault::DiskError { node } => {
                let Some(machine) = self.machine(*node) else { return true };
                machine.disk.set_failing(true);
                self.faults.watched.insert(number, Watch::Unhealthy(*node));
            }
            Fault::SlowDisk { node, by_ms } => {
                let Some(machine) = self.machine(*node) else { return true };
                machine.timing.set_slower(*by_ms);
                self.faults.watched.insert(number, Watch::Slow(*node));
            }
            Fault::BitFlip { node } => self.flip_bit(number, *node),
            _ => return false,
        }
        true
    }

    pub(super) fn undo_on_disk(&mut self, number: usize, fault: &Fault) -> bool {
        if matches!(fault, Fault::FailedSync { .. } | Fault::DiskFull { .. } | Fault::DiskError { .. }) {
            // The node starts again, so that it can no longer be seen to suffer from this.
            self.watch();
            self.faults.watched.remove(&number);
        }
        match fault {
            Fault::FailedSync { node } => {
                // What the system could not sync, it has forgotten.
                self.cut_power(*node, true);
                self.start(*node);
            }
            Fault::DiskFull { node } => {
                let Some(machine) = self.machine(*node) else { return true };
                machine.disk.set_bytes_max(None);
                self.kill(*node);
                self.start(*node);
            }
            Fault::DiskError { node } => {
                let Some(machine) = self.machine(*node) else { return true };
                machine.disk.set_failing(false);
                self.kill(*node);
                self.start(*node);
            }
            Fault::SlowDisk { node, .. } => {
                if let Some(machine) = self.machine(*node) {
                    machine.timing.set_slower(0);
                }
            }
            Fault::BitFlip { .. } => {}
            _ => return false,
        }
        true
    }

    /// A power loss, and one bit of a record that is at rest.
    fn flip_bit(&mut self, number: usize, node: NodeId) {
        self.cut_power(node, false);
        let Some(disk) = self.machine(node).map(|machine| machine.disk.clone()) else { return };
        let keys = disk.keys(Tree::Records);
        if !keys.is_empty() {
            let place = self.rng.random_range(0..keys.len());
            let bit = self.rng.random_range(0..1 << 16);
            if keys.get(place).is_some_and(|key| disk.flip_bit(Tree::Records, key, bit)) {
                self.record(Happening::DiskLost { node, lost: LostDisk::Record });
                self.faults.watched.insert(number, Watch::Corrupt(node));
            }
        }
        self.start(node);
    }
}
