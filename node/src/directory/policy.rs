//! PURE. What a namespace demands of its sessions.
//!
//! Each setting is an attribute of one record, so settings that are changed in two
//! regions at once are both kept. A session keeps the time-outs of its birth; a
//! policy that tightens at once also ends those that live by longer ones.

use std::sync::Arc;

use crate::engine::{Changes, Create};
use crate::session::{Key, Name, Register, Session, SessionLimits, Value, ValueKind};

const KIND: &str = "policy";

/// What is done with a login beyond the most sessions of a principal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSessionsMax {
    /// The oldest session ends.
    #[default]
    EndOldest,
    /// The login is refused.
    Refuse,
}

/// A namespace's settings; what is not set follows the node's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How often it was changed.
    pub version: u64,
    /// The idle time-out, and the most a caller may ask for, in milliseconds.
    pub idle_timeout_ms: Option<u64>,
    /// The absolute time-out, and the most a caller may ask for, in milliseconds.
    pub absolute_timeout_ms: Option<u64>,
    /// Attributes of a session.
    pub attributes_max: Option<u64>,
    /// An attribute's value, in bytes.
    pub value_bytes_max: Option<u64>,
    /// A session as encoded, in bytes.
    pub session_bytes_max: Option<u64>,
    /// Sessions of a principal; 0: no limit.
    pub sessions_max: Option<u64>,
    /// What is done beyond that: 0 end the oldest, 1 refuse.
    pub on_sessions_max: Option<u64>,
    /// Whether ids minted elsewhere are taken: 0 no, 1 yes.
    pub adopted_ids_allowed: Option<u64>,
    /// Whether time-outs hold for sessions born before: 0 no, 1 yes.
    pub tighten_at_once: Option<u64>,
    /// The level of writes that ask for none, by its number in the interface.
    pub write_consistency: Option<u64>,
    /// The level of reads that ask for none, by its number in the interface.
    pub read_consistency: Option<u64>,
    /// The durability of writes that ask for none, by its number in the interface.
    pub durability: Option<u64>,
}

/// A setting that a policy may not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {actual}; it must be from {min} to {max}")]
pub struct PolicyError {
    /// Which.
    pub field: &'static str,
    /// Its value.
    pub actual: u64,
    /// The least that is allowed.
    pub min: u64,
    /// The most that is allowed.
    pub max: u64,
}

macro_rules! settings {
    ($($field:ident),* $(,)?) => {
        impl Policy {
            /// The names of all settings.
            pub const SETTINGS: &[&str] = &[$(stringify!($field)),*];

            /// The settings that are set, by name.
            pub fn settings(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((stringify!($field), self.$field)),*].into_iter().filter_map(|(name, set)| Some((name, set?)))
            }

            /// Sets one; false if there is no such setting.
            pub fn set(&mut self, name: &str, value: Option<u64>) -> bool {
                match name {
                    $(stringify!($field) => self.$field = value,)*
                    _ => return false,
                }
                true
            }
        }
    };
}

settings! {
    idle_timeout_ms, absolute_timeout_ms, attributes_max, value_bytes_max, session_bytes_max,
    sessions_max, on_sessions_max, adopted_ids_allowed, tighten_at_once,
    write_consistency, read_consistency, durability,
}

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

impl Policy {
    /// Names of presets: the assurance levels of NIST SP 800-63B-4, section 2.
    pub const PRESETS: &[&str] = &["aal1", "aal2", "aal3"];

    /// The record of a namespace's policy.
    #[must_use]
    pub fn key(secret: &[u8; 32], namespace: &str) -> Key {
        Key::global(secret, KIND, &[namespace])
    }

    /// The time-outs of an assurance level; none if there is no such preset.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        let (absolute_ms, idle_ms) = match name {
            "aal1" => (30 * 24 * HOUR_MS, 30 * 24 * HOUR_MS),
            "aal2" => (24 * HOUR_MS, HOUR_MS),
            "aal3" => (12 * HOUR_MS, 15 * MINUTE_MS),
            _ => return None,
        };
        Some(Self {
            idle_timeout_ms: Some(idle_ms),
            absolute_timeout_ms: Some(absolute_ms),
            ..Self::default()
        })
    }

    /// What a record says.
    #[must_use]
    pub fn of(record: &Session) -> Self {
        let mut policy = Self::default();
        let Some(body) = record.body() else { return policy };
        for (name, register) in &body.attributes {
            policy.set(name, number(register));
        }
        let version = body.counters.get(VERSION).map_or(0, crate::session::Counter::value);
        policy.version = u64::try_from(version).unwrap_or(0);
        policy
    }

    /// The changes that make a record say this: what is not set is removed.
    #[must_use]
    pub fn changes(&self) -> Changes {
        let set: Vec<(Name, Value)> =
            self.settings().map(|(name, value)| (Arc::from(name), text(value))).collect();
        let is_set = |name: &&&str| self.settings().any(|(set, _)| set == **name);
        let removed = Self::SETTINGS.iter().filter(|name| !is_set(name));
        Changes {
            remove_attributes: removed.map(|name| Arc::from(*name)).collect(),
            set_attributes: set,
            add_counters: vec![(VERSION.into(), 1)],
            ..Changes::default()
        }
    }

    /// Checks each setting against the limits of the node.
    ///
    /// # Errors
    /// [`PolicyError`] names the first that is out of range, and the range.
    pub fn validate(&self, limits: &SessionLimits) -> Result<(), PolicyError> {
        for (field, actual) in self.settings() {
            let (min, max) = match field {
                "idle_timeout_ms" => (limits.idle_timeout_ms_min, limits.idle_timeout_ms_max),
                "absolute_timeout_ms" => (limits.absolute_timeout_ms_min, limits.absolute_timeout_ms_max),
                "attributes_max" => (0, limits.attributes_max as u64),
                "value_bytes_max" => (1, limits.value_bytes_max as u64),
                "session_bytes_max" => (1_024, limits.session_bytes_max as u64),
                "sessions_max" => (0, SESSIONS_MAX_CEILING),
                "write_consistency" | "read_consistency" => (1, 4),
                "durability" => (1, 2),
                _ => (0, 1),
            };
            if !(min..=max).contains(&actual) {
                return Err(PolicyError { field, actual, min, max });
            }
        }
        Ok(())
    }

    /// The limits of a node, as far as this policy does not lower them.
    #[must_use]
    pub fn limits(&self, node: &SessionLimits) -> SessionLimits {
        let lower = |own: usize, set: Option<u64>| {
            set.and_then(|set| usize::try_from(set).ok()).map_or(own, |set| own.min(set))
        };
        let lower_ms = |own: u64, set: Option<u64>| set.map_or(own, |set| own.min(set));
        SessionLimits {
            attributes_max: lower(node.attributes_max, self.attributes_max),
            value_bytes_max: lower(node.value_bytes_max, self.value_bytes_max),
            session_bytes_max: lower(node.session_bytes_max, self.session_bytes_max),
            idle_timeout_ms_default: self.idle_timeout_ms.unwrap_or(node.idle_timeout_ms_default),
            idle_timeout_ms_max: lower_ms(node.idle_timeout_ms_max, self.idle_timeout_ms),
            absolute_timeout_ms_default: self.absolute_timeout_ms.unwrap_or(node.absolute_timeout_ms_default),
            absolute_timeout_ms_max: lower_ms(node.absolute_timeout_ms_max, self.absolute_timeout_ms),
            ..node.clone()
        }
    }

    /// The most sessions of a principal; 0: no limit.
    #[must_use]
    pub fn sessions_max(&self) -> usize {
        self.sessions_max.and_then(|max| usize::try_from(max).ok()).unwrap_or(0)
    }

    /// What is done beyond [`Self::sessions_max`].
    #[must_use]
    pub fn on_sessions_max(&self) -> OnSessionsMax {
        if self.on_sessions_max == Some(1) { OnSessionsMax::Refuse } else { OnSessionsMax::EndOldest }
    }

    /// The end of a session that was born by other time-outs, if this policy tightens
    /// at once: the latest time at which it may be served.
    #[must_use]
    pub fn tightened_ms(&self, created_ms: u64, last_seen_ms: u64) -> Option<u64> {
        if self.tighten_at_once != Some(1) {
            return None;
        }
        let ends = [(self.absolute_timeout_ms, created_ms), (self.idle_timeout_ms, last_seen_ms)];
        ends.into_iter().filter_map(|(timeout_ms, from_ms)| Some(from_ms.saturating_add(timeout_ms?))).min()
    }

    /// The command that makes the record of a policy, which does not end.
    #[must_use]
    pub fn create(&self, namespace: Arc<str>, limits: &SessionLimits) -> Create {
        Create {
            namespace,
            idle_timeout_ms: limits.idle_timeout_ms_max,
            absolute_timeout_ms: limits.absolute_timeout_ms_max,
            changes: self.changes(),
        }
    }
}

/// The counter of changes.
const VERSION: &str = "version";

/// The highest [`Policy::sessions_max`].
const SESSIONS_MAX_CEILING: u64 = 1_000;

fn text(value: u64) -> Value {
    Value { kind: ValueKind::Text, bytes: value.to_string().into() }
}

fn number(register: &Register<Value>) -> Option<u64> {
    std::str::from_utf8(&register.value()?.bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
