//! One open link: what waits, what is under way, what the log still has to feed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::Beat;
use crate::engine::LogEntry;
use crate::env::Now;
use crate::replication::vectors::PartitionVectors;
use crate::session::{Origin, Partition};

/// What an entry takes in a buffer besides its fragment, in bytes.
const ENTRY_OVERHEAD_BYTES: usize = 64;

/// What an entry counts against a buffer's limit.
pub(super) fn cost_bytes(entry: &LogEntry) -> usize {
    entry.fragment.len() + ENTRY_OVERHEAD_BYTES
}

/// An entry on its way to a peer.
#[derive(Clone)]
pub(super) struct Outbound {
    pub(super) entry: Arc<LogEntry>,
    pub(super) relay: bool,
    pub(super) since: Duration,
}

/// Entries of one origin that the log feeds to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Everything up to here was sent.
    pub(super) after: u64,
    /// Done when this was sent.
    pub(super) until: u64,
    pub(super) relay: bool,
}

/// A read of the log that has not been answered.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) reserved_bytes: usize,
    /// The range's `until` when the read was asked for.
    pub(super) until: u64,
}

pub(super) struct Link {
    pub(super) id: u64,
    pub(super) waiting: VecDeque<Outbound>,
    pub(super) waiting_bytes: usize,
    pub(super) in_flight: VecDeque<Outbound>,
    pub(super) in_flight_bytes: usize,
    /// Entries confirmed by the peer since the link was opened.
    pub(super) confirmed: u64,
    /// Entries taken from the peer since the link was opened.
    pub(super) taken: u64,
    /// More than the buffer may hold was to be sent: the log feeds the peer.
    pub(super) lagging_since: Option<Duration>,
    pub(super) catch_up: BTreeMap<(Partition, Origin), Range>,
    pub(super) reading: Option<Reading>,
    /// What this side has told that it holds.
    pub(super) told: PartitionVectors,
    /// The peer's vectors have been compared since the link was opened.
    pub(super) compared: bool,
    pub(super) last_heard: Duration,
    pub(super) round_trip: Option<Duration>,
    echo: Option<(u64, Duration)>,
}

impl Link {
    pub(super) fn new(id: u64, now: Duration) -> Self {
        Self {
            id,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            confirmed: 0,
            taken: 0,
            lagging_since: None,
            catch_up: BTreeMap::new(),
            reading: None,
            told: PartitionVectors::new(),
            compared: false,
            last_heard: now,
            round_trip: None,
            echo: None,
        }
    }

    /// Everything that counts against the buffer's limit.
    pub(super) fn buffered_bytes(&self) -> usize {
        let reserved = self.reading.map_or(0, |reading| reading.reserved_bytes);
        self.waiting_bytes + self.in_flight_bytes + reserved
    }

    /// Puts an entry behind those that wait, or remembers only its position when
    /// the buffer is full.
    pub(super) fn enqueue(&mut self, partition: Partition, outbound: Outbound, buffer_bytes_max: usize) {
        let cost = cost_bytes(&outbound.entry);
        let has_room = self.buffered_bytes() + cost <= buffer_bytes_max || planted!(BufferHasNoBound);
        if self.lagging_since.is_none() && has_room {
            self.waiting_bytes += cost;
            self.waiting.push_back(outbound);
            return;
        }
        self.lagging_since.get_or_insert(outbound.since);
        self.feed_from_log(partition, &outbound);
    }

    /// Remembers that an entry must be read from the log.
    pub(super) fn feed_from_log(&mut self, partition: Partition, outbound: &Outbound) {
        let (seq, relay) = (outbound.entry.seq, outbound.relay);
        let range = self.catch_up.entry((partition, outbound.entry.origin)).or_insert(Range {
            after: seq.saturating_sub(1),
            until: seq,
            relay,
        });
        range.after = range.after.min(seq.saturating_sub(1));
        range.until = range.until.max(seq);
        range.relay |= relay;
    }

    /// Takes what may be sent now as one batch: within the window, alike in `relay`.
    pub(super) fn take_batch(
        &mut self,
        in_flight_bytes_max: usize,
        batch_bytes_max: usize,
        entries_max: usize,
    ) -> Option<(Vec<Arc<LogEntry>>, bool)> {
        let relay = self.waiting.front()?.relay;
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(next) = self.waiting.front() {
            let cost = cost_bytes(&next.entry);
            let window_full = self.in_flight_bytes > 0 && self.in_flight_bytes + cost > in_flight_bytes_max;
            let batch_full =
                !batch.is_empty() && (bytes + cost > batch_bytes_max || batch.len() >= entries_max);
            if next.relay != relay || window_full || batch_full {
                break;
            }
            let Some(next) = self.waiting.pop_front() else { break };
            bytes += cost;
            self.waiting_bytes -= cost;
            batch.push(next.entry.clone());
            self.sent(next);
        }
        (!batch.is_empty()).then_some((batch, relay))
    }

    pub(super) fn sent(&mut self, outbound: Outbound) {
        self.in_flight_bytes += cost_bytes(&outbound.entry);
        self.in_flight.push_back(outbound);
    }

    /// Takes a cumulative confirmation; `None` if more was confirmed than sent.
    pub(super) fn confirm(&mut self, entries: u64) -> Option<Vec<Outbound>> {
        let newly = entries.checked_sub(self.confirmed)?;
        let newly = usize::try_from(newly).ok().filter(|newly| *newly <= self.in_flight.len())?;
        self.confirmed = entries;
        let confirmed: Vec<Outbound> = self.in_flight.drain(..newly).collect();
        self.in_flight_bytes -= confirmed.iter().map(|outbound| cost_bytes(&outbound.entry)).sum::<usize>();
        Some(confirmed)
    }

    /// A heartbeat to send.
    pub(super) fn beat(&self, now: Now) -> Beat {
        let held = |at: Duration| now.monotonic.saturating_sub(at);
        let (echo_us, held) = self.echo.map_or((0, Duration::ZERO), |(sent_us, at)| (sent_us, held(at)));
        Beat { sent_us: micros(now.monotonic), echo_us, held_us: micros(held), wall_ms: now.wall_ms }
    }

    /// A heartbeat was received; gives the round trip that it measures.
    pub(super) fn heard(&mut self, beat: Beat, now: Duration) -> Option<Duration> {
        self.echo = Some((beat.sent_us, now));
        if beat.echo_us == 0 {
            return None;
        }
        let away_us = micros(now).saturating_sub(beat.echo_us).saturating_sub(beat.held_us);
        self.round_trip = Some(Duration::from_micros(away_us));
        self.round_trip
    }

    /// No heartbeat was received yet.
    pub(super) fn is_unheard(&self) -> bool {
        self.echo.is_none()
    }

    /// Where everything unconfirmed was headed, for another way there.
    pub(super) fn into_unconfirmed(self) -> impl Iterator<Item = Outbound> {
        self.in_flight.into_iter().chain(self.waiting)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
