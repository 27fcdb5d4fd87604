//! The hybrid logical clock that stamps writes (Kulkarni et al., "Logical Physical Clocks", 2014).

/// A remote stamp is further ahead of the local wall clock than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stamp is {ahead_ms} ms ahead of the local clock; at most {offset_max_ms} ms are allowed")]
pub struct TooFarAhead {
    /// How far ahead it is.
    pub ahead_ms: u64,
    /// How far it may be.
    pub offset_max_ms: u64,
}

/// A hybrid logical clock: 48 bits of milliseconds since the Unix epoch, 16 of counter.
///
/// Pure: whoever owns it passes the wall time in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hlc {
    last: u64,
}

impl Hlc {
    /// A clock that never stamps at or below `last`, for example a mark saved before a restart.
    #[must_use]
    pub fn starting_after(last: u64) -> Self {
        Self { last }
    }

    /// The highest stamp given or observed.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// A new stamp above all before it. A full counter carries into the milliseconds.
    pub fn tick(&mut self, wall_ms: u64) -> u64 {
        self.last = from_wall_ms(wall_ms).max(self.last.saturating_add(1));
        self.last
    }

    /// Takes note of a remote stamp, so that later local ones are above it.
    ///
    /// # Errors
    /// [`TooFarAhead`], the clock unchanged, if the stamp is more than
    /// `offset_max_ms` ahead of the wall: one broken clock must not drag all others along.
    pub fn observe(&mut self, remote: u64, wall_ms: u64, offset_max_ms: u64) -> Result<(), TooFarAhead> {
        let ahead_ms = (remote >> 16).saturating_sub(wall_ms);
        if ahead_ms > offset_max_ms && !planted!(FutureStampMovesClock) {
            return Err(TooFarAhead { ahead_ms, offset_max_ms });
        }
        self.last = self.last.max(remote);
        Ok(())
    }

    /// Goes back to a wall clock that peers have confirmed, if stamps were given out more than
    /// `offset_max_ms` ahead of it, by a clock that was wrong. Peers hold such writes back until they are
    /// due, and would hold back all later ones too. A write takes the place of what it had seen whatever
    /// their stamps, which decide between concurrent ones alone; so what a peer holds of this node, and
    /// this node lost with its memory before it made a later write, may win over that one.
    pub fn leave_future(&mut self, wall_ms: u64, offset_max_ms: u64) {
        if (self.last >> 16).saturating_sub(wall_ms) > offset_max_ms {
            self.last = from_wall_ms(wall_ms);
        }
    }
}

/// The lowest stamp of a millisecond; times beyond 48 bits stop at the last one.
#[must_use]
pub fn from_wall_ms(wall_ms: u64) -> u64 {
    wall_ms.min((1 << 48) - 1) << 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_rise_while_the_wall_stands_still_or_steps_back() {
        let mut clock = Hlc::default();
        let first = clock.tick(1_000);
        let second = clock.tick(1_000);
        let third = clock.tick(10);
        assert!(first < second && second < third);
        assert_eq!(third >> 16, 1_000);
        assert_eq!(clock.tick(2_000), 2_000 << 16);
    }

    #[test]
    fn observing_lifts_later_ticks() {
        let mut clock = Hlc::default();
        let remote = (1_400 << 16) + 7;
        assert_eq!(clock.observe(remote, 1_000, 500), Ok(()));
        assert!(clock.tick(1_000) > remote);
    }

    #[test]
    fn a_stamp_from_the_future_changes_nothing() {
        let mut clock = Hlc::starting_after(5);
        let refused = clock.observe(1_501 << 16, 1_000, 500);
        assert_eq!(refused, Err(TooFarAhead { ahead_ms: 501, offset_max_ms: 500 }));
        assert_eq!(clock.last(), 5);
    }

    #[test]
    fn stamps_of_a_wrong_clock_are_left_behind() {
        let mut clock = Hlc::starting_after(2_000 << 16);
        clock.leave_future(1_500, 500);
        assert_eq!(clock.last(), 2_000 << 16, "a peer's stamp may be that far ahead");
        clock.leave_future(1_499, 500);
        assert_eq!(clock.tick(1_499), (1_499 << 16) + 1);
    }

    #[test]
    fn a_full_counter_carries() {
        let mut clock = Hlc::starting_after((1_000 << 16) + 0xffff);
        assert_eq!(clock.tick(1_000), 1_001 << 16);
    }
}
