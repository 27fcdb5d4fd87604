//! Where a session lives: a keyed hash of its id.

use std::fmt;

/// A slice of the key space; placement works on these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u16);

impl Partition {
    /// The global partition, which every node holds, beside `count` partitions of sessions.
    #[must_use]
    pub fn global(count: u32) -> Self {
        Self(u16::try_from(count).unwrap_or(u16::MAX))
    }
}

/// Stands for a session wherever it is stored, indexed or sent between nodes.
///
/// The first two bytes come from a public hash of namespace and id, so that a
/// client library can find the partition; the other fourteen from a keyed hash,
/// so that nothing on a disk or on a wire between nodes leads back to an id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 16]);

const LOCATOR_CONTEXT: &str = "sojourn 2026-11 session locator v1";

/// The first two bytes of keys of the global partition; no session has them.
const GLOBAL: [u8; 2] = [0xff; 2];

impl Key {
    /// Derives the key of a session.
    #[must_use]
    pub fn derive(secret: &[u8; 32], namespace: &str, session_id: &str) -> Self {
        let mut key = [0; 16];
        key[..2].copy_from_slice(&locator(namespace, session_id));
        let mut hasher = blake3::Hasher::new_keyed(secret);
        hasher.update(namespace.as_bytes()).update(&[0]).update(session_id.as_bytes());
        key[2..].copy_from_slice(&hasher.finalize().as_bytes()[..14]);
        Self(key)
    }

    /// Derives the key of a record of the global partition. The `kind` keeps
    /// records of different kinds apart whose parts are the same.
    #[must_use]
    pub fn global(secret: &[u8; 32], kind: &str, parts: &[&str]) -> Self {
        let mut key = [0; 16];
        key[..2].copy_from_slice(&GLOBAL);
        let mut hasher = blake3::Hasher::new_keyed(secret);
        for part in std::iter::once(&kind).chain(parts) {
            // With its length, so that no two lists of parts are the same bytes.
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part.as_bytes());
        }
        key[2..].copy_from_slice(&hasher.finalize().as_bytes()[..14]);
        Self(key)
    }

    /// The partition, of `count` (a power of two, at most 32 768) and the global one:
    /// the key's leading bits.
    #[must_use]
    pub fn partition(&self, count: u32) -> Partition {
        if self.0[..2] == GLOBAL {
            return Partition::global(count);
        }
        let leading = u32::from(u16::from_be_bytes([self.0[0], self.0[1]]));
        let partition = (u64::from(leading) * u64::from(count)) >> 16;
        Partition(u16::try_from(partition).unwrap_or(u16::MAX))
    }
}

fn locator(namespace: &str, session_id: &str) -> [u8; 2] {
    let mut hasher = blake3::Hasher::new_derive_key(LOCATOR_CONTEXT);
    hasher.update(namespace.as_bytes()).update(&[0]).update(session_id.as_bytes());
    let hash = hasher.finalize();
    match [hash.as_bytes()[0], hash.as_bytes()[1]] {
        // In the same partition, whatever their number.
        GLOBAL => [0xff, 0xfe],
        locator => locator,
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Enough to tell records apart in a log, too little to name one.
        write!(f, "Key({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}
