//! How long a call may take.

use std::time::Duration;

use tonic::Status;
use tonic::metadata::MetadataMap;

use super::status::Failure;
use crate::config::ApiConfig;
use crate::env::Clock;

/// The most that is kept of a call's time to tell the caller what was waited for before the
/// caller gives up: a way to another region and back, and a busy machine at either end.
const RESERVE_MAX: Duration = Duration::from_millis(100);

/// When a call must be answered, on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Duration,
    reserve: Duration,
}

impl Deadline {
    /// A deadline from now: what the caller asks for, or the default, cut to the configured most.
    pub(super) fn after(timeout: Option<Duration>, config: &ApiConfig, clock: &dyn Clock) -> Self {
        let most = Duration::from_millis(config.call_timeout_max_ms);
        let timeout = timeout.unwrap_or(Duration::from_millis(config.call_timeout_default_ms)).min(most);
        let reserve = (timeout / 10).min(RESERVE_MAX);
        Self { at: clock.monotonic() + timeout, reserve }
    }

    /// The time that is left.
    pub(super) fn left(self, clock: &dyn Clock) -> Duration {
        self.at.saturating_sub(clock.monotonic())
    }

    /// The time that is left for waiting, so that the answer still arrives in time.
    pub(super) fn left_to_wait(self, clock: &dyn Clock) -> Duration {
        self.left(clock).saturating_sub(self.reserve)
    }
}

/// The deadline that the caller sent, if any.
pub(super) fn timeout(metadata: &MetadataMap) -> Result<Option<Duration>, Status> {
    let Some(header) = metadata.get("grpc-timeout") else { return Ok(None) };
    let parsed = header.to_str().ok().and_then(parse_grpc_timeout);
    let malformed = || Failure::field("grpc-timeout", "at most 8 digits and one of H, M, S, m, u, n");
    parsed.map(Some).ok_or_else(|| malformed().into_status())
}

/// The value of a `grpc-timeout` header: at most 8 digits and a unit (gRPC over HTTP/2).
fn parse_grpc_timeout(header: &str) -> Option<Duration> {
    let (digits, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::SystemClock;

    #[test]
    fn grpc_timeouts_are_parsed() {
        assert_eq!(parse_grpc_timeout("1H"), Some(Duration::from_secs(3_600)));
        assert_eq!(parse_grpc_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_grpc_timeout("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for bad in ["", "m", "1", "1x", "-1m", "123456789m", "1é"] {
            assert_eq!(parse_grpc_timeout(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_deadline_is_cut_to_the_most_and_keeps_a_reserve() {
        let (config, clock) = (ApiConfig::default(), SystemClock::new());
        let deadline = Deadline::after(Some(Duration::from_secs(1 << 30)), &config, &clock);
        assert!(deadline.left(&clock) <= Duration::from_millis(config.call_timeout_max_ms));
        let deadline = Deadline::after(Some(Duration::from_millis(100)), &config, &clock);
        assert!(deadline.left_to_wait(&clock) <= Duration::from_millis(90));
        let deadline = Deadline::after(Some(Duration::from_secs(5)), &config, &clock);
        let left = deadline.left_to_wait(&clock);
        assert!((Duration::from_secs(4)..=Duration::from_millis(4_900)).contains(&left), "{left:?}");
        let deadline = Deadline::after(Some(Duration::ZERO), &config, &clock);
        assert_eq!(deadline.left_to_wait(&clock), Duration::ZERO);
    }
}
