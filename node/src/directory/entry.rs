//! PURE. One line of a principal's list of sessions.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::session::Key;

/// A session that a principal logged in to. Its encoding begins with the time, so
/// that entries sort by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The login, in milliseconds since the Unix epoch.
    pub login_ms: u64,
    /// The session.
    pub key: Key,
    /// Its absolute deadline, in milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// The region that took the login.
    pub region: Arc<str>,
    /// What the application calls the device.
    pub device: Arc<str>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The device is the user's.
        f.debug_struct("Entry")
            .field("login_ms", &self.login_ms)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

const HEAD_BYTES: usize = 8 + 16 + 8;

impl Entry {
    /// As a member of the set.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + 1 + self.region.len() + self.device.len());
        bytes.extend(self.login_ms.to_be_bytes());
        bytes.extend(self.key.0);
        bytes.extend(self.deadline_ms.to_be_bytes());
        bytes.extend(self.region.as_bytes());
        bytes.push(0);
        bytes.extend(self.device.as_bytes());
        bytes.into()
    }

    /// From a member of the set; none if it is no entry.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (login_ms, rest) = bytes.split_first_chunk::<8>()?;
        let (key, rest) = rest.split_first_chunk::<16>()?;
        let (deadline_ms, rest) = rest.split_first_chunk::<8>()?;
        let (region, device) = std::str::from_utf8(rest).ok()?.split_once('\0')?;
        Some(Self {
            login_ms: u64::from_be_bytes(*login_ms),
            key: Key(*key),
            deadline_ms: u64::from_be_bytes(*deadline_ms),
            region: region.into(),
            device: device.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_round_trip(
            login_ms: u64, key: [u8; 16], deadline_ms: u64, region in "[a-z0-9-]{1,12}", device in ".{0,40}",
        ) {
            let entry = Entry {
                login_ms, key: Key(key), deadline_ms, region: region.into(), device: device.into(),
            };
            prop_assert_eq!(Entry::decode(&entry.encode()), Some(entry));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Entry::decode(&bytes);
        }
    }
}
