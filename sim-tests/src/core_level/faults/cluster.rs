//! Faults of the cluster's members: nodes come, go, and come back as what they are not.

use sojourn_node::membership::{Change, NodeState as Member, desired_voters};
use sojourn_node::session::ReplicaId;
use sojourn_node::store::SimDisk;

use super::{Backup, Watch, World};
use crate::core_level::node::Machine;
use crate::plan::{Fault, NodeId};
use crate::record::{Happening, LostDisk, NodeState};

/// How long an operator waits before asking again for a change.
const ASK_AGAIN_US: u64 = 12_000_000;

/// How long an operator waits before looking again whether a change was made.
const LOOK_AGAIN_US: u64 = 300_000;

impl World {
    pub(super) fn act_on_cluster(&mut self, number: usize, fault: &Fault) {
        match fault {
            Fault::RegionLost { region } => {
                let nodes: Vec<NodeId> = self
                    .nodes
                    .iter()
                    .filter(|machine| machine.region == usize::from(*region) && !machine.retired)
                    .map(|machine| machine.id)
                    .collect();
                for node in &nodes {
                    self.destroy(*node);
                    if let Some(machine) = self.machine(*node) {
                        machine.retired = true;
                    }
                }
                self.faults.lost.insert(number, nodes);
                self.observed(number);
            }
            Fault::AddNode { region } => {
                let node = self.add_machine(usize::from(*region), 0);
                self.start(node);
                self.faults.watched.insert(number, Watch::Up(node));
            }
            Fault::RemoveNode { node } => {
                self.remove(*node);
                self.faults.watched.insert(number, Watch::Fenced(*node));
            }
            Fault::RemovedNodeReturns { node } => {
                self.remove(*node);
                self.cut_power(*node, false);
                self.faults.watched.insert(number, Watch::Fenced(*node));
            }
            Fault::WipedNode { node } => {
                self.destroy(*node);
                if let Some(machine) = self.machine(*node) {
                    machine.fenced = true;
                }
                self.start(*node);
                self.faults.watched.insert(number, Watch::Fenced(*node));
            }
            Fault::ClonedDisk { node } => self.clone_disk(number, *node),
            Fault::BackupRestored { node } => {
                let Some(machine) = self.machine(*node) else { return };
                let backup = Backup { node: *node, disk: machine.disk.copy(), known: machine.known.clone() };
                self.faults.backups.insert(number, backup);
            }
            Fault::Poison { node } => self.faults.poisoner.begin(number, *node),
            Fault::Overload { region } => self.overload(number, usize::from(*region)),
            _ => {}
        }
    }

    pub(super) fn undo_on_cluster(&mut self, number: usize, fault: &Fault) {
        match fault {
            Fault::RegionLost { region } => {
                for node in self.faults.lost.remove(&number).unwrap_or_default() {
                    self.remove_lost(node);
                    let new = self.add_machine(usize::from(*region), 0);
                    self.start(new);
                }
            }
            Fault::RemovedNodeReturns { node } => self.start(*node),
            Fault::WipedNode { node } => {
                if let Some(machine) = self.machine(*node)
                    && machine.fenced
                {
                    machine.fenced = false;
                    self.remove(*node);
                    self.join_once_removed(*node);
                }
            }
            Fault::ClonedDisk { .. } => {
                if let Some(clone) = self.faults.clones.remove(&number) {
                    self.cut_power(clone, false);
                    if let Some(machine) = self.machine(clone) {
                        machine.retired = true;
                    }
                }
            }
            Fault::BackupRestored { node } => {
                let Some(Backup { disk, known, .. }) = self.faults.backups.remove(&number) else { return };
                self.cut_power(*node, false);
                let Some(machine) = self.machine(*node) else { return };
                machine.disk = disk;
                machine.known = known;
                let lost = LostDisk::SinceBackup { fault: number };
                self.record(Happening::DiskLost { node: *node, lost });
                self.start(*node);
                self.faults.watched.insert(number, Watch::Up(*node));
            }
            Fault::Poison { .. } => self.faults.poisoner.end(number),
            _ => {}
        }
    }

    /// A machine loses its power and its disk. It will join anew, so that it has no
    /// use for the backups of the node that it was.
    fn destroy(&mut self, node: NodeId) {
        self.cut_power(node, false);
        self.faults.backups.retain(|_, backup| backup.node != node);
        let Some(machine) = self.machine(node) else { return };
        machine.disk = SimDisk::new();
        machine.known = None;
        self.record(Happening::DiskLost { node, lost: LostDisk::All });
    }

    /// The replica that a machine is now, by the membership.
    fn replica_of(&self, node: NodeId) -> Option<ReplicaId> {
        let state = self.raft.committed();
        let mut living = state.nodes.values().filter(|member| member.state != Member::Removed);
        living.find(|member| self.raft.machine_of(member.replica) == Some(node)).map(|member| member.replica)
    }

    /// An operator removes a node, and asks again until that is done.
    fn remove(&mut self, node: NodeId) {
        let Some(replica) = self.replica_of(node) else { return };
        self.remove_replica(replica);
    }

    fn remove_replica(&mut self, replica: ReplicaId) {
        if self.raft.has_removed(replica) {
            return;
        }
        self.propose_removal(replica);
        self.after_us(ASK_AGAIN_US, move |world| world.remove_replica(replica));
    }

    fn propose_removal(&mut self, replica: ReplicaId) {
        drop(self.propose(None, Change::SetState { replica, state: Member::Removed }));
    }

    /// A lost node may become a member later: its request to join was still under way.
    fn remove_lost(&mut self, node: NodeId) {
        if let Some(replica) = self.replica_of(node) {
            self.propose_removal(replica);
        }
        self.after_us(ASK_AGAIN_US, move |world| world.remove_lost(node));
    }

    /// A node whose old self has been removed starts anew with its empty disk.
    fn join_once_removed(&mut self, node: NodeId) {
        if self.replica_of(node).is_some() {
            self.after_us(LOOK_AGAIN_US, move |world| world.join_once_removed(node));
        } else {
            self.start(node);
        }
    }

    fn clone_disk(&mut self, number: usize, node: NodeId) {
        let Some(machine) = self.machine(node) else { return };
        let (disk, known, region) = (machine.disk.copy(), machine.known.clone(), machine.region);
        let clone = self.add_machine(region, 0);
        let Some(machine) = self.machine(clone) else { return };
        machine.disk = disk;
        machine.known = known;
        machine.fenced = true;
        self.faults.clones.insert(number, clone);
        self.start(clone);
        self.faults.watched.insert(number, Watch::Fenced(clone));
    }

    /// A node that must be kept out was let in by another one.
    pub(in crate::core_level) fn fenced_let_in(&mut self, node: NodeId, by: NodeId) {
        self.trace(&("let in", node, by));
        self.record(Happening::FencingFailed { node });
    }

    /// The nodes that run although the cluster has removed them or must keep them out.
    pub(in crate::core_level) fn unfenced(&self) -> Vec<NodeId> {
        let is_removed = |machine: &Machine| {
            machine.run.as_ref().is_some_and(|run| self.raft.has_removed(run.shared.me.replica))
        };
        let is_unfenced =
            |machine: &&Machine| is_removed(machine) || machine.fenced && machine.state == NodeState::Up;
        self.nodes.iter().filter(is_unfenced).map(|machine| machine.id).collect()
    }

    /// Without most voters the membership could never be mended.
    pub(super) fn can_lose_region(&self, region: usize) -> bool {
        let voters = desired_voters(&self.raft.committed().nodes, 5);
        let machines = voters.iter().filter_map(|voter| self.raft.machine_of(*voter));
        let lost = machines.filter(|node| {
            self.nodes.get(usize::from(node.0)).is_none_or(|machine| machine.region == region)
        });
        2 * lost.count() < voters.len()
    }
}
