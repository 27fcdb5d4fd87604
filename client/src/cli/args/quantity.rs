//! Durations and bandwidths as people write them.

use std::time::Duration;

/// "40ms", "1.5s", "30m", "12h", "7d".
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let unit_s = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err("write a number and a unit of us, ms, s, m, h or d, for example 40ms".into()),
    };
    let value: f64 = number.parse().map_err(|_| format!("{number:?} is no number"))?;
    Duration::try_from_secs_f64(value * unit_s).map_err(|_| "out of range".into())
}

/// "100mbit", "1gbit", "500kbit", in bits a second; the result is bytes a second.
pub(crate) fn parse_bandwidth(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let unit_bits = match unit {
        "bit" => 1e0,
        "kbit" => 1e3,
        "mbit" => 1e6,
        "gbit" => 1e9,
        _ => return Err("write a number and a unit of bit, kbit, mbit or gbit, for example 100mbit".into()),
    };
    let value: f64 = number.parse().map_err(|_| format!("{number:?} is no number"))?;
    let bytes = value * unit_bits / 8.0;
    if !(1.0..=1e12).contains(&bytes) {
        return Err("allowed: 8bit to 8000gbit".into());
    }
    Ok(bytes as u64)
}

/// "1048576", "64MiB", "1GB", in bytes.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let unit_bytes: u64 = match unit {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => {
            return Err(
                "write a number and a unit of B, kB, MB, GB, KiB, MiB or GiB, for example 64MiB".into()
            );
        }
    };
    let value: u64 = number.parse().map_err(|_| format!("{number:?} is no whole number"))?;
    value.checked_mul(unit_bytes).filter(|bytes| *bytes > 0).ok_or_else(|| "out of range".into())
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("40ms"), Ok(Duration::from_millis(40)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("12h"), Ok(Duration::from_secs(43_200)));
        assert!(parse_duration("40").is_err());
        assert!(parse_duration("-1s").is_err());
        assert!(parse_duration("ms").is_err());
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("100"), Ok(100));
        assert_eq!(parse_bytes("64MiB"), Ok(64 << 20));
        assert_eq!(parse_bytes("2GB"), Ok(2_000_000_000));
        for wrong in ["0", "1.5MiB", "7 parsec", "", "99999999999GiB"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bandwidths() {
        assert_eq!(parse_bandwidth("100mbit"), Ok(12_500_000));
        assert_eq!(parse_bandwidth("1gbit"), Ok(125_000_000));
        assert!(parse_bandwidth("0mbit").is_err());
        assert!(parse_bandwidth("100").is_err());
    }
}
