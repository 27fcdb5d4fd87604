//! What a session may hold and how long it may live.

use serde::{Deserialize, Serialize};

/// Limits on sessions, checked when they are written. All sizes are in bytes.
///
/// They bound what one replica writes. Concurrent writes at several replicas
/// may merge into more, which [`super::DecodeLimits`] bounds in turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionLimits {
    /// Attributes of a session, removed ones included. Default: 256.
    pub attributes_max: usize,
    /// A name of an attribute, counter or set. Default: 128.
    pub name_bytes_max: usize,
    /// An attribute's value. Default: 64 KiB.
    pub value_bytes_max: usize,
    /// A session as it is encoded, so also its metadata. Default: 256 KiB.
    pub session_bytes_max: usize,
    /// Counters of a session. Default: 64.
    pub counters_max: usize,
    /// Sets of a session. Default: 64.
    pub sets_max: usize,
    /// Members of a set, removed ones included. Default: 1 024.
    pub set_members_max: usize,
    /// A member of a set. Default: 256.
    pub member_bytes_max: usize,
    /// An auth block: principal, methods, roles and secret together. Default: 4 KiB.
    pub auth_bytes_max: usize,
    /// The shortest idle time-out, in milliseconds. Default: one second.
    pub idle_timeout_ms_min: u64,
    /// The idle time-out if none is asked for, in milliseconds. Default: 30 minutes.
    pub idle_timeout_ms_default: u64,
    /// The longest idle time-out, in milliseconds. Default: 30 days.
    pub idle_timeout_ms_max: u64,
    /// The shortest absolute time-out, in milliseconds. Default: one second.
    pub absolute_timeout_ms_min: u64,
    /// The absolute time-out if none is asked for, in milliseconds. Default: 12 hours.
    pub absolute_timeout_ms_default: u64,
    /// The longest absolute time-out, in milliseconds. Default: 90 days.
    pub absolute_timeout_ms_max: u64,
}

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            attributes_max: 256,
            name_bytes_max: 128,
            value_bytes_max: 64 << 10,
            session_bytes_max: 256 << 10,
            counters_max: 64,
            sets_max: 64,
            set_members_max: 1_024,
            member_bytes_max: 256,
            auth_bytes_max: 4 << 10,
            idle_timeout_ms_min: 1_000,
            idle_timeout_ms_default: 30 * MINUTE_MS,
            idle_timeout_ms_max: 30 * DAY_MS,
            absolute_timeout_ms_min: 1_000,
            absolute_timeout_ms_default: 12 * HOUR_MS,
            absolute_timeout_ms_max: 90 * DAY_MS,
        }
    }
}

impl SessionLimits {
    /// What a record of the global partition may hold: policies do not end, and a
    /// principal may have many sessions.
    #[must_use]
    pub fn global() -> Self {
        const FOR_EVER_MS: u64 = 1_000 * 365 * DAY_MS;
        Self {
            set_members_max: 16_384,
            session_bytes_max: 1 << 20,
            idle_timeout_ms_max: FOR_EVER_MS,
            absolute_timeout_ms_max: FOR_EVER_MS,
            ..Self::default()
        }
    }
}

/// Limits that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {actual}; it must be from {min} to {max}")]
pub struct LimitsError {
    /// The setting.
    pub field: &'static str,
    /// Its value.
    pub actual: u64,
    /// The least that is allowed.
    pub min: u64,
    /// The most that is allowed.
    pub max: u64,
}

/// The longest session that may be configured: a quarter of what is decoded at most.
const SESSION_BYTES_CEILING: u64 = 1 << 20;

/// The longest time-out that may be configured, in milliseconds: 100 days. What is
/// remembered of a principal must outlive all sessions, so it decides for how long that is.
pub const TIMEOUT_MS_CEILING: u64 = 100 * DAY_MS;

impl SessionLimits {
    /// Checks that the limits fit each other and what a node can hold.
    ///
    /// # Errors
    /// [`LimitsError`] names the first setting that is out of range, and the range.
    pub fn validate(&self) -> Result<(), LimitsError> {
        let session_bytes = self.session_bytes_max as u64;
        within("session_bytes_max", session_bytes, 1_024, SESSION_BYTES_CEILING)?;
        for (field, count) in [
            ("attributes_max", self.attributes_max),
            ("counters_max", self.counters_max),
            ("sets_max", self.sets_max),
            ("set_members_max", self.set_members_max),
        ] {
            within(field, count as u64, 0, 16_384)?;
        }
        for (field, bytes) in [
            ("name_bytes_max", self.name_bytes_max),
            ("value_bytes_max", self.value_bytes_max),
            ("member_bytes_max", self.member_bytes_max),
            ("auth_bytes_max", self.auth_bytes_max),
        ] {
            within(field, bytes as u64, 1, session_bytes)?;
        }
        self.validate_times()
    }

    fn validate_times(&self) -> Result<(), LimitsError> {
        let (idle_max, absolute_max) = (self.idle_timeout_ms_max, self.absolute_timeout_ms_max);
        within("idle_timeout_ms_max", idle_max, 1, TIMEOUT_MS_CEILING)?;
        within("idle_timeout_ms_min", self.idle_timeout_ms_min, 1, idle_max)?;
        within("idle_timeout_ms_default", self.idle_timeout_ms_default, self.idle_timeout_ms_min, idle_max)?;
        within("absolute_timeout_ms_max", absolute_max, 1, TIMEOUT_MS_CEILING)?;
        within("absolute_timeout_ms_min", self.absolute_timeout_ms_min, 1, absolute_max)?;
        let absolute_min = self.absolute_timeout_ms_min;
        within("absolute_timeout_ms_default", self.absolute_timeout_ms_default, absolute_min, absolute_max)
    }
}

fn within(field: &'static str, actual: u64, min: u64, max: u64) -> Result<(), LimitsError> {
    if (min..=max).contains(&actual) { Ok(()) } else { Err(LimitsError { field, actual, min, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(SessionLimits::default().validate(), Ok(()));
    }

    #[test]
    fn a_value_may_not_be_longer_than_a_session() {
        let limits = SessionLimits { value_bytes_max: 300 << 10, ..SessionLimits::default() };
        let error = limits.validate().unwrap_err();
        assert_eq!(error.to_string(), "value_bytes_max is 307200; it must be from 1 to 262144");
    }

    #[test]
    fn a_default_time_out_must_lie_within_its_range() {
        let limits = SessionLimits { idle_timeout_ms_default: 10, ..SessionLimits::default() };
        assert_eq!(limits.validate().unwrap_err().field, "idle_timeout_ms_default");
        let limits = SessionLimits { absolute_timeout_ms_max: 10 * TIMEOUT_MS_CEILING, ..limits };
        assert!(limits.validate().is_err());
    }
}
