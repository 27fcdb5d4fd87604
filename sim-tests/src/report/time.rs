//! Simulated time: where it lies on the axis, and how it reads.

use crate::record::Outcome;

/// Maps simulated time to the horizontal place in the timeline, in percent, so
/// that the timeline can be stretched without stretching its letters.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    end_us: u64,
}

/// The place of words beside a moment.
pub(super) struct Flag {
    /// Left and right, in millionths of the width.
    pub(super) edges: (u64, u64),
    /// It stands left of its moment.
    pub(super) turned: bool,
}

/// The timeline's width unless stretched, in pixels; only to judge whether letters fit.
const WIDTH_PX: u64 = 980;
/// The timeline's width in a narrow window, in pixels.
const NARROW_PX: u64 = 680;
/// The narrowest bar that is still seen, in millionths of the width.
const NARROWEST_PPM: u64 = 1_500;

impl Scale {
    /// The whole run, and a little room at its end.
    pub(super) fn new(outcome: &Outcome) -> Self {
        let last_us = outcome.timeline.last().map_or(0, |(at_us, _)| *at_us);
        let broken_us = outcome.violation.as_ref().map_or(0, |violation| violation.at_us);
        let end_us = outcome.simulated_us.max(last_us).max(broken_us).max(1_000);
        Self { end_us: end_us.saturating_add(end_us / 100) }
    }

    /// The right edge, in microseconds.
    pub(super) fn end_us(self) -> u64 {
        self.end_us
    }

    /// In millionths of the width.
    pub(super) fn ppm(self, at_us: u64) -> u64 {
        let ppm = u128::from(at_us.min(self.end_us)) * 1_000_000 / u128::from(self.end_us);
        u64::try_from(ppm).unwrap_or(1_000_000)
    }

    /// The place of a moment, such as `12.345%`.
    pub(super) fn x(self, at_us: u64) -> String {
        percent(self.ppm(at_us))
    }

    /// The width of a span; never so narrow that it is not seen.
    pub(super) fn width(self, from_us: u64, to_us: u64) -> String {
        percent((self.ppm(to_us).saturating_sub(self.ppm(from_us))).max(NARROWEST_PPM))
    }

    /// Whether a small label fits into a span of the unstretched timeline.
    pub(super) fn fits(self, from_us: u64, to_us: u64, label: &str) -> bool {
        let room = self.ppm(to_us).saturating_sub(self.ppm(from_us));
        Self::label_ppm(label) <= room
    }

    /// Where a flag's edges are if it stands beside a moment, and whether it stands left of it, since
    /// right of it there is no room.
    pub(super) fn flag(self, at_us: u64, words: &str) -> Flag {
        let (at, width) = (self.ppm(at_us), Self::flag_ppm(words));
        if at + width > 1_000_000 {
            return Flag { edges: (at.saturating_sub(width), at), turned: true };
        }
        Flag { edges: (at, at + width), turned: false }
    }

    /// How wide a flag is at most, in millionths of the width: its letters are bold, and it must
    /// keep clear of others in a narrow window too.
    fn flag_ppm(words: &str) -> u64 {
        (words.chars().count() as u64 * 8 + 10) * 1_000_000 / NARROW_PX
    }

    /// About how wide a small label is, in millionths of the width.
    pub(super) fn label_ppm(label: &str) -> u64 {
        (label.chars().count() as u64 * 6 + 10) * 1_000_000 / WIDTH_PX
    }
}

/// Millionths as a percentage.
pub(super) fn percent(ppm: u64) -> String {
    let (whole, rest) = (ppm / 10_000, ppm % 10_000 / 10);
    if rest == 0 { format!("{whole}%") } else { format!("{whole}.{rest:03}%") }
}

/// A moment or a duration for a reader: `850 ms`, `12.345 s`, `4 min 12.5 s`, `6 h 0 min`.
pub(super) fn spoken(us: u64) -> String {
    let (ms, seconds) = (us / 1_000, us / 1_000_000);
    match seconds {
        0 if us == 0 => "0 s".into(),
        0 if ms < 10 => format!("{} ms", trimmed(ms, us % 1_000)),
        0 => format!("{ms} ms"),
        1..120 => format!("{} s", trimmed(seconds, ms % 1_000)),
        120..7_200 => format!("{} min {}.{} s", seconds / 60, seconds % 60, ms % 1_000 / 100),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A number with its thousandths, without idle zeros.
fn trimmed(whole: u64, thousandths: u64) -> String {
    let number = format!("{whole}.{thousandths:03}");
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A signed offset in milliseconds for a reader.
pub(super) fn spoken_offset(ms: i64) -> String {
    let sign = if ms < 0 { '−' } else { '+' };
    format!("{sign}{}", spoken(ms.unsigned_abs().saturating_mul(1_000)))
}

#[cfg(test)]
mod tests {
    use super::{Scale, percent, spoken, spoken_offset};

    #[test]
    fn times_read_well() {
        let read: Vec<String> =
            [0, 1_250, 850_000, 12_345_678, 252_500_000, 21_600_000_000].into_iter().map(spoken).collect();
        assert_eq!(read, ["0 s", "1.25 ms", "850 ms", "12.345 s", "4 min 12.5 s", "6 h 0 min"]);
        assert_eq!(spoken_offset(-250), "−250 ms");
    }

    #[test]
    fn flags_stay_on_the_canvas() {
        let scale = Scale { end_us: 1_000 };
        for at_us in 0..=1_000 {
            let flag = scale.flag(at_us, "comparison");
            assert!(flag.edges.0 < flag.edges.1 && flag.edges.1 <= 1_000_000, "{at_us}");
            assert_eq!(flag.turned, at_us > 867, "{at_us}");
        }
    }

    #[test]
    fn percentages_have_no_idle_digits() {
        assert_eq!([percent(500_000), percent(123_450), percent(10)], ["50%", "12.345%", "0.001%"]);
    }
}
