//! Plans and happenings in words, for a person who reads a failure.

mod answer;
mod call;
mod fault;
mod happening;
mod message;
mod names;
mod plan;

pub(crate) use answer::answer;
pub(crate) use call::{action, call, consistency, durability, token};
pub use fault::fault;
pub use happening::happening;
pub(crate) use happening::{happened, phase_name};
pub use message::with_names;
pub use names::Names;
pub use plan::plan;

/// "12.5 s", "3 min", "6 h": the largest unit that needs no more than one decimal.
#[must_use]
pub fn duration(ms: u64) -> String {
    let (unit_ms, unit) = match ms {
        0..1_000 => return format!("{ms} ms"),
        1_000..120_000 => (1_000, "s"),
        120_000..7_200_000 => (60_000, "min"),
        _ => (3_600_000, "h"),
    };
    match (ms / unit_ms, ms % unit_ms) {
        (whole, 0) => format!("{whole} {unit}"),
        _ => format!("{:.1} {unit}", ms as f64 / unit_ms as f64),
    }
}

/// "1 node", "3 nodes".
#[must_use]
pub fn count(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// That so many runs were not compared at their end; none if there are none.
#[must_use]
pub fn held_back(runs: u64) -> Option<String> {
    let ended = count(runs, "run");
    (runs > 0)
        .then(|| format!("{ended} ended before the comparison: writes were held back after a clock fault"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let written = [0, 999, 1_000, 12_500, 119_000, 120_000, 7_200_000].map(duration);
        assert_eq!(written, ["0 ms", "999 ms", "1 s", "12.5 s", "119 s", "2 min", "2 h"]);
    }

    #[test]
    fn runs_that_were_not_compared_are_told() {
        assert_eq!(held_back(0), None);
        assert!(held_back(2).unwrap().starts_with("2 runs ended before the comparison"));
    }

    #[test]
    fn one_has_no_plural() {
        assert_eq!([count(0_u32, "call"), count(1_u32, "call")], ["0 calls", "1 call"]);
    }
}
