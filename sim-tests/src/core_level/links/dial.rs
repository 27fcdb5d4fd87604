//! Opening links, as the driver does: of each pair the node with the lower replica id dials.

use sojourn_node::env::Rng;
use sojourn_node::membership::{Membership, NodeState};
use sojourn_node::replication::{check_hello, hello};
use sojourn_node::session::ReplicaId;
use sojourn_proto::replication::v1 as pb;

use super::{Conn, End, Frame};
use crate::core_level::layout;
use crate::core_level::node::at_address;
use crate::core_level::world::World;
use crate::plan::{Fault, NodeId};

/// A link that lasted this long is dialled again without a long wait.
const STABLE_US: u64 = 10_000_000;

impl World {
    /// Keeps one dialler a peer.
    pub(in crate::core_level) fn follow_membership(&mut self, at: (NodeId, u64)) {
        let Some(run) = self.running(at) else { return };
        let membership = run.shared.membership();
        let me = run.shared.me.replica;
        let wait_ms = run.shared.config.reconnect_ms_min;
        for node in membership.nodes.values() {
            let dial = node.replica > me && node.state != NodeState::Removed;
            let Some(run) = self.running(at) else { return };
            if dial && !run.dialled.contains_key(&node.replica) {
                run.dialled.insert(node.replica, wait_ms);
                self.dial(at, node.replica);
            }
        }
    }

    fn dial(&mut self, at: (NodeId, u64), peer: ReplicaId) {
        let Some(run) = self.running(at) else { return };
        let membership = run.shared.membership();
        let (me, timeout_ms) = (run.shared.me, run.shared.config.connect_timeout_ms);
        let node = membership.nodes.get(&peer).filter(|node| node.state != NodeState::Removed);
        let Some(node) = node else { return };
        let Some(to) = at_address(&node.address) else { return };
        let Some(machine) = self.machine(to) else { return };
        let far = End::new(machine.at());
        self.conns_opened += 1;
        let conn = self.conns_opened;
        let ends = [End::new(at), far];
        let began_us = self.now_us();
        self.conns.insert(conn, Conn { ends, lanes: Default::default() });
        self.dials.insert(conn, (peer, began_us));
        self.send(conn, 0, Frame::Hello(hello(&membership, me)));
        self.after_us_at(at, timeout_ms * 1_000, move |world| {
            if world.conns.get(&conn).is_some_and(|open| open.end(0).open && open.end(0).link.is_none()) {
                world.close(conn, 0);
            }
        });
    }

    /// The dialled link is over: once more, after a wait.
    pub(super) fn redial(&mut self, conn: u64) {
        let Some((peer, began_us)) = self.dials.remove(&conn) else { return };
        let Some(at) = self.conns.get(&conn).map(|open| open.end(0).at()) else { return };
        let lasted_us = self.now_us() - began_us;
        let Some(run) = self.running(at) else { return };
        let (min_ms, max_ms) = (run.shared.config.reconnect_ms_min, run.shared.config.reconnect_ms_max);
        let Some(wait_ms) = run.dialled.get_mut(&peer) else { return };
        if lasted_us >= STABLE_US {
            *wait_ms = min_ms;
        }
        let this_ms = *wait_ms;
        *wait_ms = (this_ms * 2).min(max_ms);
        let jittered_ms = self.rng.random_range(this_ms / 2..=this_ms);
        self.after_us_at(at, jittered_ms * 1_000, move |world| world.dial(at, peer));
    }

    /// Who has not heard yet that a node is removed cannot turn it away, nor can
    /// anybody while that is not agreed.
    fn is_excused(&self, caller: NodeId, replica: ReplicaId, membership: &Membership) -> bool {
        let state = self.raft.committed();
        let is_gone = state.nodes.get(&replica).is_some_and(|member| member.state == layout::GONE);
        let is_heard = membership.nodes.get(&replica).is_none_or(|member| member.state == layout::GONE);
        let returns = |fault: &Fault| matches!(fault, Fault::RemovedNodeReturns { node } if *node == caller);
        let is_removed = self.plan.faults.iter().any(|planned| returns(&planned.fault));
        if is_gone { !is_heard } else { is_removed }
    }

    /// The other side says who it is.
    pub(super) fn greet(&mut self, conn: u64, side: usize, first: pb::Frame) {
        let Some(open) = self.conns.get(&conn) else { return };
        let (at, from) = (open.end(side).at(), open.end(side ^ 1).node);
        let Some(run) = self.nodes.get(usize::from(at.0.0)).and_then(|machine| machine.run.as_ref()) else {
            return self.close(conn, side);
        };
        let (membership, me) = (run.shared.membership(), run.shared.me);
        let Some(caller) = self.nodes.get(usize::from(from.0)) else { return };
        let identity = sojourn_node::security::PeerIdentity::Node {
            name: caller.name.clone(),
            region: caller.region_name.clone(),
        };
        // What an earlier start of it has sent may still be on its way.
        let fenced = caller.fenced && caller.life == open.end(side ^ 1).at().1;
        let dialled = self.dials.get(&conn).map(|(peer, _)| *peer);
        match check_hello(&membership, me.replica, Some(first), &identity) {
            Ok(peer) if side == 1 || dialled == Some(peer.replica) => {
                let is_excused = self.is_excused(from, peer.replica, &membership);
                let node = membership.nodes.get(&peer.replica);
                let is_removed = node.is_some_and(|node| node.state == NodeState::Removed);
                if is_removed || fenced && !is_excused {
                    self.fenced_let_in(from, at.0);
                }
                if side == 1 {
                    self.send(conn, 1, Frame::Hello(hello(&membership, me)));
                }
                self.register(conn, side, peer);
            }
            refused => {
                self.trace(&("refused", at, from, format!("{refused:?}")));
                self.close(conn, side);
            }
        }
    }
}
