//! The shell around the replication core: carries out what it wants done.

use std::sync::Arc;
use std::time::Duration;

use sojourn_node::engine::LogEntry;
use sojourn_node::replication::core::{Effect, Event, LogRead};
use sojourn_node::replication::{NewEntries, Replica};
use sojourn_node::session::{DecodeLimits, ReplicaId, Root, Session};

use super::links::Frame;
use super::node::OpenLink;
use super::world::World;
use crate::plan::NodeId;
use crate::record::Happening;

impl World {
    /// Tells a node's core and does what it wants.
    pub(super) fn handle(&mut self, at: (NodeId, u64), event: Event) {
        let Some(run) = self.running(at) else { return };
        let now = run.shared.env.clock.now();
        let effects = run.core.handle(event, now, &*run.shared.engine, &mut run.rng);
        for effect in effects {
            self.carry_out(at, effect);
        }
    }

    fn carry_out(&mut self, at: (NodeId, u64), effect: Effect) {
        match effect {
            Effect::SendEntries { to, entries, relay } => {
                if let Some(link) = self.link(at, to) {
                    self.send_entries(link.conn, link.side, &entries, relay);
                }
            }
            Effect::Send { to, message } => {
                if let Some(link) = self.link(at, to) {
                    self.send(link.conn, link.side, Frame::Message(message));
                }
            }
            Effect::Close { peer, .. } => {
                if let Some(link) = self.link(at, peer) {
                    // After the core is done with this event, as the driver's task would.
                    self.after_us_at(at, 0, move |world| world.close(link.conn, link.side));
                }
            }
            Effect::ReadLog { peer, link, partition, origin, after, bytes_max } => {
                let Some(run) = self.running(at) else { return };
                let engine = run.shared.engine.clone();
                let read = async move {
                    Replica::entries_after(&*engine, partition, origin, after, bytes_max).await
                };
                self.run_at(at, read, move |world, entries| {
                    let outcome = match entries {
                        Some(entries) => LogRead::Entries(entries.into_iter().map(Arc::new).collect()),
                        None => LogRead::Truncated,
                    };
                    let event = Event::LogRead { peer, link, range: (partition, origin), outcome };
                    world.after_us_at(at, 0, move |world| world.handle(at, event));
                });
            }
            Effect::StartTransfer { from, partition } => self.start_transfer(at, from, partition),
            Effect::Synced { layout_version, partitions } => {
                self.report_synced(at, layout_version, partitions);
            }
            Effect::PassOver(gap) => {
                if let Some(run) = self.running(at) {
                    run.shared.engine.pass_over(gap);
                }
            }
            Effect::Clock(verdict) => {
                if let Some(run) = self.running(at) {
                    run.shared.engine.set_clock(verdict);
                    self.show_state(at.0);
                }
            }
        }
    }

    fn link(&mut self, at: (NodeId, u64), peer: ReplicaId) -> Option<OpenLink> {
        self.running(at)?.links.get(&peer).copied()
    }

    /// A node wrote.
    pub(super) fn committed(&mut self, at: (NodeId, u64), new: NewEntries) {
        let Some(run) = self.running(at) else { return };
        let (origin, count) = (run.shared.me, run.shared.engine.config().partition_count);
        let last = run.shared.engine.last_stamp();
        for (entry, hlc) in new.entries.iter().zip(stamps(&new.entries, last)) {
            self.record(Happening::Stamped {
                node: at.0,
                replica: origin.replica.0,
                incarnation: origin.incarnation,
                partition: entry.key.partition(count).0,
                seq: entry.seq,
                hlc,
            });
        }
        if new.skipped {
            self.handle(at, Event::CommitsSkipped);
        }
        self.handle(at, Event::Committed(new.entries));
        if let Some(run) = self.running(at) {
            run.buffered_bytes_max = run.buffered_bytes_max.max(run.buffered_bytes());
        }
    }

    /// Ticks a node's core when it wants to be ticked.
    pub(super) fn tick_later(&mut self, at: (NodeId, u64)) {
        let now = self.time.elapsed();
        let Some(run) = self.running(at) else { return };
        let wait = run.core.wake_at().saturating_sub(now).max(Duration::from_millis(1));
        let wait_us = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.after_us_at(at, wait_us, move |world| {
            world.handle(at, Event::Tick);
            world.tick_later(at);
        });
    }
}

/// The stamps of new entries, in order. A fragment that only touches or counts does
/// not carry its own: it is the one before the next one's, or the last one given.
fn stamps(entries: &[Arc<LogEntry>], last: u64) -> Vec<u64> {
    let mut next = last + 1;
    let mut stamps: Vec<u64> = entries
        .iter()
        .rev()
        .map(|entry| {
            next = own_stamp(entry).unwrap_or(next - 1);
            next
        })
        .collect();
    stamps.reverse();
    stamps
}

fn own_stamp(entry: &LogEntry) -> Option<u64> {
    let fragment = Session::decode(&entry.fragment, &DecodeLimits::default()).ok()?;
    if let Root::Revoked(revocation) = &fragment.root {
        return Some(revocation.stamp.hlc);
    }
    if let Some(lapsed) = fragment.body().and_then(|body| body.lapsed) {
        return Some(lapsed.hlc);
    }
    if fragment.complete {
        return Some(fragment.birth.created.hlc);
    }
    let body = fragment.body()?;
    let attributes = body.attributes.values().flat_map(|register| register.writes());
    let written = attributes.map(|write| (write.dot, write.hlc));
    let logins = body.auth.writes().iter().map(|write| (write.dot, write.hlc));
    written.chain(logins).find(|(dot, _)| *dot == entry.dot()).map(|(_, hlc)| hlc)
}
