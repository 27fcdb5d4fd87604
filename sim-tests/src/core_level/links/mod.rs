//! Connections between nodes: ordered and reliable while they last, like gRPC over TCP.

mod dial;
mod lane;
mod take;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use sojourn_node::engine::LogEntry;
use sojourn_node::replication::batch::{BatchContext, Decoder, Encoder};
use sojourn_node::replication::core::{Event, Message};
use sojourn_node::session::Origin;
use sojourn_proto::replication::v1 as pb;

use self::lane::Lane;
use super::faults::is_poisoned;
use super::node::OpenLink;
use super::world::World;
use crate::plan::NodeId;
use crate::record::Happening;

/// What travels on a connection.
pub(super) enum Frame {
    Hello(pb::Frame),
    Batch(Bytes),
    Message(Message),
    /// The sender has closed it.
    End,
}

/// A connection. Side 0 has dialled; lane `s` carries what side `s` sends.
pub(super) struct Conn {
    ends: [End; 2],
    lanes: [Lane; 2],
}

/// One side.
struct End {
    node: NodeId,
    life: u64,
    open: bool,
    link: Option<EndLink>,
    inbox: VecDeque<Frame>,
    /// A batch is in the engine: what came later waits.
    busy: bool,
}

/// Both sides have said who they are.
struct EndLink {
    peer: Origin,
    id: u64,
    encoder: Encoder,
    decoder: Decoder,
}

impl Conn {
    fn end(&self, side: usize) -> &End {
        &self.ends[side & 1]
    }

    fn end_mut(&mut self, side: usize) -> &mut End {
        &mut self.ends[side & 1]
    }
}

impl End {
    fn new((node, life): (NodeId, u64)) -> Self {
        Self { node, life, open: true, link: None, inbox: VecDeque::new(), busy: false }
    }

    fn at(&self) -> (NodeId, u64) {
        (self.node, self.life)
    }
}

impl World {
    /// Encodes entries as the next batch of a link and sends it.
    pub(super) fn send_entries(&mut self, conn: u64, side: usize, entries: &[Arc<LogEntry>], relay: bool) {
        let Some(open) = self.conns.get_mut(&conn) else { return };
        let (from, to) = (open.end(side).node, open.end(side ^ 1).node);
        let remote = self.network.is_remote(from, to);
        let Some(link) = &mut open.end_mut(side).link else { return };
        let compress_bytes_min = if remote { 512 } else { usize::MAX };
        let batch = link.encoder.encode(entries, relay, compress_bytes_min);
        if entries.iter().any(|entry| is_poisoned(&entry.fragment)) {
            self.record(Happening::PoisonSpread { node: from });
        }
        self.send(conn, side, Frame::Batch(batch.into()));
    }

    /// Both sides have said who they are: the link is open on this side.
    fn register(&mut self, conn: u64, side: usize, peer: Origin) {
        let Some(open) = self.conns.get(&conn) else { return };
        let at = open.end(side).at();
        let Some(run) = self.running(at) else { return };
        run.links_opened += 1;
        let (id, me) = (run.links_opened, run.shared.me);
        let partition_count = run.shared.engine.config().partition_count;
        let older = run.links.insert(peer.replica, OpenLink { id, conn, side });
        let context = |sender| BatchContext { sender, partition_count };
        let (encoder, decoder) = (Encoder::new(context(me)), Decoder::new(context(peer)));
        if let Some(open) = self.conns.get_mut(&conn) {
            open.end_mut(side).link = Some(EndLink { peer, id, encoder, decoder });
        }
        self.trace(&("linked", at, peer));
        self.handle(at, Event::Connected { peer, link: id });
        if let Some(older) = older {
            self.close(older.conn, older.side);
        }
    }

    /// Closes a side and tells the other one.
    pub(super) fn close(&mut self, conn: u64, side: usize) {
        self.send(conn, side, Frame::End);
        self.close_silently(conn, side);
    }

    /// Closes a side; the other one finds out by itself.
    fn close_silently(&mut self, conn: u64, side: usize) {
        let Some(open) = self.conns.get_mut(&conn) else { return };
        let end = open.end_mut(side);
        if !std::mem::replace(&mut end.open, false) {
            return;
        }
        end.inbox.clear();
        let (at, link) = (end.at(), end.link.take());
        if let Some(link) = link {
            let peer = link.peer.replica;
            if let Some(run) = self.running(at)
                && run.links.get(&peer).is_some_and(|current| current.id == link.id)
            {
                run.links.remove(&peer);
            }
            self.trace(&("unlinked", at, peer));
            self.handle(at, Event::Disconnected { peer, link: link.id });
        }
        if side == 0 {
            self.redial(conn);
        }
        if self.conns.get(&conn).is_some_and(|open| open.ends.iter().all(|end| !end.open)) {
            self.drop_conn_later(conn);
        }
    }

    /// Both ends break at once; what was under way is lost.
    pub(super) fn reset(&mut self, conn: u64) {
        if let Some(open) = self.conns.get_mut(&conn) {
            open.lanes.iter_mut().for_each(Lane::clear);
        }
        self.close_silently(conn, 0);
        self.close_silently(conn, 1);
    }

    /// A node's process ends: its connections are closed by the system.
    pub(super) fn hang_up(&mut self, node: NodeId) {
        let Some(machine) = self.machine(node) else { return };
        let life = machine.life;
        let ends: Vec<(u64, usize)> = self.ends_of((node, life));
        for (conn, side) in ends {
            self.send(conn, side, Frame::End);
            if let Some(open) = self.conns.get_mut(&conn) {
                open.end_mut(side).open = false;
            }
        }
    }

    fn ends_of(&self, at: (NodeId, u64)) -> Vec<(u64, usize)> {
        let sides = self.conns.iter().flat_map(|(id, conn)| [(*id, 0, conn.end(0)), (*id, 1, conn.end(1))]);
        sides.filter(|(_, _, end)| end.at() == at && end.open).map(|(id, side, _)| (id, side)).collect()
    }

    /// The connections between two nodes.
    pub(super) fn conns_between(&self, a: NodeId, b: NodeId) -> Vec<u64> {
        let between = |conn: &Conn| {
            let (one, other) = (conn.end(0), conn.end(1));
            one.open && other.open && [(a, b), (b, a)].contains(&(one.node, other.node))
        };
        self.conns.iter().filter(|(_, conn)| between(conn)).map(|(id, _)| *id).collect()
    }

    fn drop_conn_later(&mut self, conn: u64) {
        self.after_us(10_000_000, move |world| {
            world.conns.remove(&conn);
        });
    }
}
