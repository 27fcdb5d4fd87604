//! How far peers are behind.

use std::time::Duration;

use super::{Core, Held, Peer};
use crate::session::epoch::covers;
use crate::session::{Partition, ReplicaId, VersionVector};

/// How a peer does, as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerState {
    /// The peer.
    pub replica: ReplicaId,
    /// A link to it is open.
    pub connected: bool,
    /// The log feeds it because its buffer was full.
    pub lagging: bool,
    /// Entries of shared partitions that it is not known to hold. For a connected
    /// peer: those on their way to it from here.
    pub lag_entries: u64,
    /// How long the oldest of them has waited, in milliseconds.
    pub lag_ms: u64,
    /// Bytes held in memory for it.
    pub buffered_bytes: u64,
    /// The last measured round trip, in microseconds.
    pub round_trip_us: Option<u64>,
}

impl Core {
    /// Whether a peer has said that it holds all that a vector names. Without a link that
    /// is not known: it may have lost what it had not synced.
    #[must_use]
    pub fn is_known_to_hold(&self, peer: ReplicaId, partition: Partition, wanted: &VersionVector) -> bool {
        let holds = |peer: &Peer| peer.said.get(&partition).is_some_and(|said| covers(said, wanted));
        self.peers.get(&peer).is_some_and(|peer| peer.link.is_some() && holds(peer))
    }

    /// One report a peer, by replica id.
    #[must_use]
    pub fn peers(&self, now: Duration, held: &dyn Held) -> Vec<PeerState> {
        self.peers.iter().map(|(id, peer)| peer.state(*id, now, held)).collect()
    }
}

impl Peer {
    fn state(&self, replica: ReplicaId, now: Duration, held: &dyn Held) -> PeerState {
        let Some(link) = &self.link else {
            return PeerState {
                replica,
                connected: false,
                lagging: false,
                lag_entries: self.lacks(held),
                lag_ms: millis(now.saturating_sub(self.disconnected_since)),
                buffered_bytes: 0,
                round_trip_us: None,
            };
        };
        let ranges: u64 = link.catch_up.values().map(|range| range.until.saturating_sub(range.after)).sum();
        let oldest = link.in_flight.front().or(link.waiting.front()).map(|outbound| outbound.since);
        let since = oldest.into_iter().chain(link.lagging_since).min();
        PeerState {
            replica,
            connected: true,
            lagging: link.lagging_since.is_some(),
            lag_entries: ranges + (link.in_flight.len() + link.waiting.len()) as u64,
            lag_ms: since.map_or(0, |since| millis(now.saturating_sub(since))),
            buffered_bytes: link.buffered_bytes() as u64,
            round_trip_us: link.round_trip.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
        }
    }

    fn lacks(&self, held: &dyn Held) -> u64 {
        let lacks_of = |partition| {
            let known = self.known.get(partition);
            let ours = held.vector(*partition).dots.into_iter();
            ours.map(move |(origin, seq)| seq.saturating_sub(known.map_or(0, |known| known.get(&origin))))
                .sum::<u64>()
        };
        self.shared.iter().map(lacks_of).sum()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
