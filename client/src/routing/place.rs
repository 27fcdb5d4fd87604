//! The partition of a session, from its public locator.

/// What stands before the secret of a rotated id.
const SEPARATOR: char = '~';

const LOCATOR_CONTEXT: &str = "sojourn 2026-11 session locator v1";

/// The part of an id that finds the session: the one that rotations leave as it is.
pub(crate) fn first_id(id: &str) -> &str {
    id.split_once(SEPARATOR).map_or(id, |(first, _)| first)
}

/// Where a call belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Any node does.
    Anywhere,
    /// At a replica of the partition with these leading bits of the session's key.
    Leading(u16),
}

impl Place {
    /// The place of a session: the first two bytes of BLAKE3 in key-derivation
    /// mode over namespace, a zero byte and the first part of the id, as the nodes compute it.
    pub(crate) fn of(namespace: &str, session_id: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(LOCATOR_CONTEXT);
        hasher.update(namespace.as_bytes()).update(&[0]).update(first_id(session_id).as_bytes());
        let hash = hasher.finalize();
        Self::Leading(u16::from_be_bytes([hash.as_bytes()[0], hash.as_bytes()[1]]))
    }
}

/// The partition, of `count`, of a key with these leading bits.
pub(super) fn partition(leading: u16, count: u32) -> usize {
    let partition = (u64::from(leading) * u64::from(count)) >> 16;
    usize::try_from(partition).unwrap_or(usize::MAX)
}
