//! Durations and latencies as people write them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::plan::Latency;

const EXPECTED: &str = "write a number and a unit of us, ms, s, m, h or d, for example \"40ms\"";

/// "40ms", "1.5s", "30m", "12h", "7d", in microseconds.
pub(super) fn microseconds(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit_us = match unit {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        "h" => 3_600e6,
        "d" => 86_400e6,
        _ => return Err(format!("{text:?} is no duration: {EXPECTED}")),
    };
    let value: f64 = number.trim().parse().map_err(|_| format!("{text:?} is no duration: {EXPECTED}"))?;
    let us = value * unit_us;
    if !(0.0..=1e15).contains(&us) {
        return Err(format!("{text:?} is out of range: from 0 to 10000d"));
    }
    Ok(us.round() as u64)
}

/// The same in milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<u64, String> {
    microseconds(text).map(|us| us / 1_000)
}

/// A duration in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Millis(pub(super) u64);

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        milliseconds(&text).map(Self).map_err(D::Error::custom)
    }
}

/// "40ms", or "30ms..50ms" to be drawn for each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread(pub(super) Latency);

impl<'de> Deserialize<'de> for Spread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (shortest, longest) = text.split_once("..").unwrap_or((&text, &text));
        let us_min = microseconds(shortest).map_err(D::Error::custom)?;
        let us_max = microseconds(longest).map_err(D::Error::custom)?;
        if us_min > us_max {
            return Err(D::Error::custom(format!("{text:?}: the shortest comes first")));
        }
        Ok(Self(Latency { us_min, us_max }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(microseconds("40ms"), Ok(40_000));
        assert_eq!(milliseconds("1.5s"), Ok(1_500));
        assert_eq!(milliseconds("12h"), Ok(43_200_000));
        for wrong in ["40", "ms", "-1s", "1 week", "", "1e300d"] {
            assert!(microseconds(wrong).is_err(), "{wrong}");
        }
    }
}
