//! PURE. How this node's wall clock stands among those of all nodes.
//!
//! Each heartbeat tells the sender's wall clock. Half of the measured round trip
//! later it arrives here, which gives the peer's clock to within that half
//! (Cristian, "Probabilistic clock synchronization", 1989; it is also what NTP's
//! four timestamps give, RFC 5905 section 8). The error is counted in favour of
//! the own clock: only what lies beyond it is an offset.
//!
//! The middle of all clocks, the own one included, is taken to be right if a
//! majority of them is within the permitted offset of it (the idea of Marzullo's
//! intersection, "Maintaining the Time in a Distributed System", 1983). Without
//! such a majority what the last one said still holds, carried on by the monotonic
//! clock, so that a node notices its own jump even while it is alone. A node that
//! has just started and has peers waits for a majority for a while; one that never
//! heard any goes on after that, since it may be the last one of its region. It
//! waits on if its clock cannot be right: if it is behind what its own disk names,
//! so that it went back while the node was away, or if it has jumped since the start.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::{ClockState, ClockVerdict};
use crate::env::Now;
use crate::session::ReplicaId;

/// What a node knows of wall clocks before it has heard any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockBounds {
    /// How far clocks may differ, in milliseconds.
    pub offset_max_ms: u64,
    /// The latest wall clock that the own disk names, of the time before this start,
    /// in milliseconds; 0 if it names none.
    pub wall_ms_min: u64,
}

/// How long a clock that was off must stay within the limit before it is trusted
/// again, unless it is well within.
const PROBATION: Duration = Duration::from_secs(10);

/// A peer's clock.
#[derive(Clone, Copy)]
struct Estimate {
    /// Its wall clock less this node's monotonic one, in milliseconds.
    ahead_ms: i64,
    /// How far that may be wrong either way.
    error_ms: i64,
    at: Duration,
}

/// Where the middle of all clocks is.
struct Middle {
    /// How far ahead of the own clock, in milliseconds.
    ahead_ms: i64,
    /// Most clocks are within the permitted offset of it.
    has_majority: bool,
    /// How far ahead of the own clock the one is that differs most.
    farthest_ms: i64,
}

/// Compares clocks.
pub(super) struct ClockWatch {
    bounds: ClockBounds,
    age_max: Duration,
    waits_until: Duration,
    estimates: BTreeMap<ReplicaId, Estimate>,
    /// What [`Now::wall_less_monotonic_ms`] was at the start.
    first_ms: i64,
    /// What it should be by the last majority.
    agreed_ms: Option<i64>,
    /// Since when the own clock is within the limit, though its last verdict was that it is off.
    within_since: Option<Duration>,
    verdict: ClockVerdict,
}

impl ClockWatch {
    /// A peer not heard of for `age_max` is left out. A first majority is waited for
    /// until `waits_until`.
    pub(super) fn new(bounds: ClockBounds, age_max: Duration, waits_until: Duration, now: Now) -> Self {
        let (estimates, verdict) = (BTreeMap::new(), ClockVerdict::default());
        let (first_ms, agreed_ms) = (now.wall_less_monotonic_ms(), None);
        let within_since = None;
        Self { bounds, age_max, waits_until, estimates, first_ms, agreed_ms, within_since, verdict }
    }

    /// What was judged last.
    pub(super) fn verdict(&self) -> ClockVerdict {
        self.verdict
    }

    /// A peer's wall clock came in with a heartbeat.
    pub(super) fn heard(&mut self, peer: ReplicaId, wall_ms: u64, round_trip: Duration, now: Now) {
        let half = round_trip / 2;
        let sent = Now { monotonic: now.monotonic.saturating_sub(half), wall_ms };
        let error_ms = i64::try_from(half.as_millis()).unwrap_or(i64::MAX);
        let estimate = Estimate { ahead_ms: sent.wall_less_monotonic_ms(), error_ms, at: now.monotonic };
        self.estimates.insert(peer, estimate);
    }

    /// Keeps only these peers.
    pub(super) fn retain(&mut self, is_peer: impl Fn(ReplicaId) -> bool) {
        self.estimates.retain(|peer, _| is_peer(*peer));
    }

    /// Judges the own clock; the verdict if it is not the last one. The only node
    /// of a cluster has nobody to agree with and forgets what others said.
    pub(super) fn judge(&mut self, now: Now, is_only_node: bool) -> Option<ClockVerdict> {
        self.estimates.retain(|_, estimate| now.monotonic.saturating_sub(estimate.at) <= self.age_max);
        let own_ms = now.wall_less_monotonic_ms();
        let verdict = match self.middle(own_ms) {
            None if is_only_node => {
                self.agreed_ms = None;
                ClockVerdict { state: ClockState::Alone, ..ClockVerdict::default() }
            }
            None => self.remembered(None, now),
            Some(Middle { has_majority: false, farthest_ms, .. }) => self.remembered(Some(farthest_ms), now),
            Some(Middle { ahead_ms, .. }) => {
                self.agreed_ms = Some(own_ms.saturating_add(ahead_ms));
                let is_off = self.is_off(ahead_ms, now);
                let state = if is_off { ClockState::Off } else { ClockState::Agreed };
                ClockVerdict { state, offset_ms: -ahead_ms, expected_ms: self.agreed_ms }
            }
        };
        let is_on_probation =
            verdict.state == ClockState::Off && verdict.offset_ms.unsigned_abs() <= self.bounds.offset_max_ms;
        self.within_since = self.within_since.or(Some(now.monotonic)).filter(|_| is_on_probation);
        (std::mem::replace(&mut self.verdict, verdict) != verdict).then_some(verdict)
    }

    /// The middle of all clocks; of the middle two of an even number the one nearer
    /// to the own clock.
    fn middle(&self, own_ms: i64) -> Option<Middle> {
        if self.estimates.is_empty() {
            return None;
        }
        let ahead = self.estimates.values().map(|estimate| estimate.ahead_of(own_ms));
        let mut all: Vec<i64> = ahead.chain([0]).collect();
        all.sort_unstable();
        let (low, high) = (*all.get((all.len() - 1) / 2)?, *all.get(all.len() / 2)?);
        let ahead_ms = if low.unsigned_abs() <= high.unsigned_abs() { low } else { high };
        let agrees = |clock_ms: &&i64| clock_ms.abs_diff(ahead_ms) <= self.bounds.offset_max_ms;
        let has_majority = all.iter().filter(agrees).count() * 2 > all.len();
        let farthest_ms = *all.iter().max_by_key(|clock_ms| clock_ms.unsigned_abs())?;
        Some(Middle { ahead_ms, has_majority, farthest_ms })
    }

    /// What the last majority said, where there is none now. `disputed_ms` is how far
    /// ahead the clock is that differs most from the own one.
    fn remembered(&self, disputed_ms: Option<i64>, now: Now) -> ClockVerdict {
        let expected_ms = self.agreed_ms.unwrap_or(self.first_ms);
        let since_ms = now.wall_less_monotonic_ms().saturating_sub(expected_ms);
        let is_off = self.is_off(since_ms, now);
        let (state, offset_ms) = match (self.agreed_ms, disputed_ms) {
            (Some(_), _) if is_off => (ClockState::Off, since_ms),
            (None, _) if is_off || now.monotonic < self.waits_until || self.went_back(now.wall_ms) => {
                (ClockState::Waiting, since_ms)
            }
            (_, Some(disputed_ms)) => (ClockState::Disputed, disputed_ms.saturating_neg()),
            (Some(_), None) => (ClockState::Agreed, since_ms),
            (None, None) => (ClockState::Unheard, since_ms),
        };
        ClockVerdict { state, offset_ms, expected_ms: Some(expected_ms) }
    }

    /// The disk names a time that a permitted clock has reached by now.
    fn went_back(&self, wall_ms: u64) -> bool {
        wall_ms.saturating_add(self.bounds.offset_max_ms) < self.bounds.wall_ms_min
    }

    /// A clock that is off must come well within the limit, or stay within it for a
    /// while, before it is trusted again: so it does not flap.
    fn limit_ms(&self, now: Duration) -> u64 {
        let is_proven = self.within_since.is_some_and(|since| now.saturating_sub(since) >= PROBATION);
        let offset_max_ms = self.bounds.offset_max_ms;
        match self.verdict.state {
            ClockState::Off if !is_proven => offset_max_ms - offset_max_ms / 4,
            _ => offset_max_ms,
        }
    }

    fn is_off(&self, offset_ms: i64, now: Now) -> bool {
        offset_ms.unsigned_abs() > self.limit_ms(now.monotonic)
    }
}

impl Estimate {
    /// How far it is ahead for certain; 0 if it may be equal.
    fn ahead_of(&self, own_ms: i64) -> i64 {
        let ahead_ms = self.ahead_ms.saturating_sub(own_ms);
        let certain_ms = ahead_ms.saturating_abs().saturating_sub(self.error_ms).max(0);
        certain_ms * ahead_ms.signum()
    }
}

#[cfg(test)]
mod tests;
