//! When bytes that enter a link leave it. Pure: the time and the random draw
//! come from outside.

use std::time::Duration;

use tokio::time::Instant;

/// The properties of one direction of a link.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Shape {
    /// One-way delay.
    pub(crate) delay: Duration,
    /// Largest deviation from the delay, either way.
    pub(crate) jitter: Duration,
    /// Bytes a second; none: unlimited.
    pub(crate) bandwidth_bytes: Option<u64>,
}

/// The wire of a link, which all its connections share: one chunk is on it at a time.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    free_at: Option<Instant>,
}

impl Wire {
    /// When the last of these bytes has been put on the wire.
    pub(crate) fn sent_at(&mut self, now: Instant, bytes: usize, shape: &Shape) -> Instant {
        let Some(rate) = shape.bandwidth_bytes else { return now };
        let start = self.free_at.map_or(now, |free_at| free_at.max(now));
        let end = start + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        self.free_at = Some(end);
        end
    }
}

/// One direction of one connection: its bytes keep their order.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    last: Option<Instant>,
}

impl Lane {
    /// When bytes arrive that were on the wire at `sent_at`. `draw` is in -1 to 1.
    pub(crate) fn arrives_at(&mut self, sent_at: Instant, shape: &Shape, draw: f64) -> Instant {
        let deviation = shape.jitter.as_secs_f64() * draw.clamp(-1.0, 1.0);
        let delay = (shape.delay.as_secs_f64() + deviation).max(0.0);
        let due = sent_at + Duration::from_secs_f64(delay);
        let due = self.last.map_or(due, |last| due.max(last));
        self.last = Some(due);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::host;

    fn shape(delay_ms: u64, jitter_ms: u64) -> Shape {
        Shape {
            delay: Duration::from_millis(delay_ms),
            jitter: Duration::from_millis(jitter_ms),
            bandwidth_bytes: None,
        }
    }

    #[test]
    fn jitter_never_swaps_two_chunks() {
        let start = host::now();
        let mut lane = Lane::default();
        let late = lane.arrives_at(start, &shape(40, 10), 1.0);
        let early = lane.arrives_at(start + Duration::from_millis(1), &shape(40, 10), -1.0);
        assert_eq!(late, start + Duration::from_millis(50));
        assert_eq!(early, late);
    }

    #[test]
    fn jitter_above_the_delay_does_not_go_back_in_time() {
        let start = host::now();
        assert_eq!(Lane::default().arrives_at(start, &shape(1, 10), -1.0), start);
    }

    #[test]
    fn a_full_wire_makes_the_next_chunk_wait() {
        let start = host::now();
        let narrow = Shape { bandwidth_bytes: Some(1000), ..Shape::default() };
        let mut wire = Wire::default();
        assert_eq!(wire.sent_at(start, 500, &narrow), start + Duration::from_millis(500));
        assert_eq!(wire.sent_at(start, 500, &narrow), start + Duration::from_secs(1));
        let later = start + Duration::from_secs(5);
        assert_eq!(wire.sent_at(later, 100, &narrow), later + Duration::from_millis(100));
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let start = host::now();
        assert_eq!(Wire::default().sent_at(start, 1 << 30, &shape(40, 0)), start);
    }
}
