//! Taking what comes in on a link, one frame after the other.

use sojourn_node::replication::batch::{BatchLimits, DecodedBatch};
use sojourn_node::replication::core::Event;
use sojourn_node::replication::{Replica, Taking};

use sojourn_node::session::{Dot, Partition};

use super::Frame;
use crate::core_level::world::World;
use crate::plan::NodeId;

impl World {
    /// Takes frames until one has to wait for the engine.
    pub(in crate::core_level) fn drain(&mut self, conn: u64, side: usize) {
        loop {
            let Some(open) = self.conns.get_mut(&conn) else { return };
            let end = open.end_mut(side);
            let at = end.at();
            if end.busy || !end.open {
                return;
            }
            let Some(machine) = self.nodes.get_mut(usize::from(at.0.0)) else { return };
            if machine.paused {
                machine.deferred.push(Box::new(move |world| world.drain(conn, side)));
                return;
            }
            let Some(frame) = end.inbox.pop_front() else { return };
            match frame {
                Frame::Hello(first) => self.greet(conn, side, first),
                Frame::End => self.close(conn, side),
                Frame::Message(message) => {
                    let Some((peer, id)) = self.linked(conn, side) else { continue };
                    if let Some(run) = self.running(at) {
                        run.shared.acks.hear(run.shared.me, peer, &message);
                    }
                    self.handle(at, Event::Received { from: peer, link: id, message });
                }
                Frame::Batch(bytes) => self.take_batch(conn, side, bytes),
            }
        }
    }

    fn linked(&self, conn: u64, side: usize) -> Option<(sojourn_node::session::ReplicaId, u64)> {
        let link = self.conns.get(&conn)?.end(side).link.as_ref()?;
        Some((link.peer.replica, link.id))
    }

    fn take_batch(&mut self, conn: u64, side: usize, bytes: bytes::Bytes) {
        let Some((peer, id)) = self.linked(conn, side) else { return };
        let Some(open) = self.conns.get_mut(&conn) else { return };
        let at = open.end(side).at();
        let Some(link) = &mut open.end_mut(side).link else { return };
        let Some(run) = self.nodes.get(usize::from(at.0.0)).and_then(|machine| machine.run.as_ref()) else {
            return;
        };
        let config = &run.shared.config;
        let limits = BatchLimits {
            raw_bytes_max: config.batch_bytes_max * 2,
            entries_max: config.batch_entries_max * 2,
        };
        let (engine, count) = (run.shared.engine.clone(), run.shared.engine.config().partition_count);
        let Ok(decoded) = link.decoder.decode(bytes, limits) else { return self.close(conn, side) };
        let taking = Taking::new(&decoded, count);
        let DecodedBatch { entries, .. } = decoded;
        let entries = self.tamper(at, entries);
        if let Some(open) = self.conns.get_mut(&conn) {
            open.end_mut(side).busy = true;
        }
        let apply = async move { Replica::apply(&*engine, entries).await };
        self.run_at(at, apply, move |world, applied| {
            if let Some(open) = world.conns.get_mut(&conn) {
                open.end_mut(side).busy = false;
            }
            match applied {
                Ok(applied) => {
                    let (event, asked) = taking.done(peer, id, applied);
                    world.handle(at, event);
                    world.confirm_once_synced(at, asked);
                }
                Err(_) => world.close(conn, side),
            }
            // Not here: a long row of batches would nest as deep.
            world.after_us_at(at, 0, move |world| world.drain(conn, side));
        });
    }

    /// Tells the origins of entries that asked for it, once they are on this node's disk.
    fn confirm_once_synced(&mut self, at: (NodeId, u64), dots: Vec<(Partition, Dot)>) {
        if dots.is_empty() {
            return;
        }
        let Some(run) = self.running(at) else { return };
        let engine = run.shared.engine.clone();
        let synced = async move { Replica::synced(&*engine).await };
        self.run_at(at, synced, move |world, synced| {
            if synced.is_ok() {
                world.handle(at, Event::EntriesSynced(dots));
            }
        });
    }
}
