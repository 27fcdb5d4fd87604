//! One direction of a connection: in order, with delay, loss as retransmission, and cuts.

use std::collections::VecDeque;

use sojourn_node::env::Rng;

use super::{Conn, Frame};
use crate::core_level::network::{Path, Trouble};
use crate::core_level::world::World;
use crate::plan::Cut;

/// TCP's first retransmission time-out.
const RETRANSMIT_US: u64 = 200_000;

/// Of a thousand losses so many break the connection.
const BREAKS_PERMILLE: u32 = 20;

/// Of a hundred connections over a healed cut so many are dead.
const DEAD_PERCENT: u32 = 50;

#[derive(Default)]
pub(super) struct Lane {
    under_way: VecDeque<Frame>,
    last_at_us: u64,
    /// Arrivals that a cut holds up.
    owed: usize,
    /// Some of them were lost and would have to be sent again.
    torn: bool,
}

impl Lane {
    pub(super) fn clear(&mut self) {
        *self = Self { last_at_us: self.last_at_us, ..Self::default() };
    }
}

impl World {
    /// Sends a frame.
    pub(in crate::core_level) fn send(&mut self, conn: u64, side: usize, frame: Frame) {
        let Some(open) = self.conns.get(&conn).filter(|open| open.end(side).open) else { return };
        let (from, to) = (open.end(side).node, open.end(side ^ 1).node);
        let mut delay_us = self.latency_us(from, to);
        let loss = |trouble: &Trouble| match trouble {
            Trouble::Loss { permille } => Some(*permille),
            _ => None,
        };
        let mut again_us = RETRANSMIT_US;
        while let Some(fault) = self.network.strikes(&mut self.rng, loss) {
            self.observed(fault);
            if self.rng.random_range(0..1_000) < BREAKS_PERMILLE {
                return self.after_us(0, move |world| world.reset(conn));
            }
            delay_us += again_us;
            again_us = (again_us * 2).min(3_000_000);
        }
        let at_us = self.now_us() + delay_us;
        let Some(lane) = self.conns.get_mut(&conn).and_then(|open| open.lanes.get_mut(side)) else { return };
        lane.under_way.push_back(frame);
        lane.last_at_us = lane.last_at_us.max(at_us);
        let at_us = lane.last_at_us;
        self.at_us(at_us, move |world| world.arrive(conn, side));
    }

    /// The next frame of a lane is there, unless a cut is in between.
    fn arrive(&mut self, conn: u64, side: usize) {
        let Some(open) = self.conns.get(&conn) else { return };
        let path = self.network.path(open.end(side).node, open.end(side ^ 1).node);
        let Some(lane) = self.conns.get_mut(&conn).and_then(|open| open.lanes.get_mut(side)) else { return };
        if let Path::Blocked { fault, cut } = path {
            lane.owed += 1;
            lane.torn |= cut == Cut::Drop;
            return self.observed(fault);
        }
        if lane.owed > 0 {
            lane.owed += 1;
            return;
        }
        if let Some(frame) = lane.under_way.pop_front() {
            self.deliver(conn, side ^ 1, frame);
        }
    }

    fn deliver(&mut self, conn: u64, side: usize, frame: Frame) {
        let Some(open) = self.conns.get_mut(&conn) else { return };
        let end = open.end_mut(side);
        if end.open && self.nodes.get(usize::from(end.node.0)).is_some_and(|node| node.life == end.life) {
            end.inbox.push_back(frame);
            return self.drain(conn, side);
        }
        // A machine that is off says nothing; one that runs does not know the connection.
        let is_on = self.nodes.get(usize::from(end.node.0)).is_some_and(|node| node.run.is_some());
        end.open = false;
        if is_on {
            self.after_us(0, move |world| world.close_silently(conn, side ^ 1));
        } else if !open.end(side ^ 1).open {
            self.drop_conn_later(conn);
        }
    }

    /// What cuts held up goes on, where the way is open again.
    pub(in crate::core_level) fn release(&mut self) {
        let open_again = |world: &Self, conn: &Conn, side: usize| {
            conn.lanes.get(side).is_some_and(|lane| lane.owed > 0)
                && world.network.path(conn.end(side).node, conn.end(side ^ 1).node) == Path::Open
        };
        let waiting: Vec<(u64, usize)> = self
            .conns
            .iter()
            .flat_map(|(id, conn)| [(*id, conn, 0), (*id, conn, 1)])
            .filter(|(_, conn, side)| open_again(self, conn, *side))
            .map(|(id, _, side)| (id, side))
            .collect();
        for (conn, side) in waiting {
            let Some(open) = self.conns.get_mut(&conn) else { continue };
            let (from, to) = (open.end(side).node, open.end(side ^ 1).node);
            let Some(lane) = open.lanes.get_mut(side) else { continue };
            let owed = std::mem::take(&mut lane.owed);
            if std::mem::take(&mut lane.torn) && self.rng.random_range(0..100) < DEAD_PERCENT {
                self.reset(conn);
                continue;
            }
            let delay_us = self.latency_us(from, to);
            for _ in 0..owed {
                self.after_us(delay_us, move |world| world.arrive(conn, side));
            }
        }
    }
}
