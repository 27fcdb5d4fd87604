//! Where a session lives: a keyed hash of its id.

use std::fmt;

/// A slice of the key space; placement works on these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u16);

/// Stands for a session wherever it is stored, indexed or sent between nodes.
///
/// The first two bytes come from a public hash of namespace and id, so that a
/// client library can find the partition; the other fourteen from a keyed hash,
/// so that nothing on a disk or on a wire between nodes leads back to an id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 16]);

const LOCATOR_CONTEXT: &str = "sojourn 2026-11 session locator v1";

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

    /// The partition, of `count` (a power of two, at most 65 536): the key's leading bits.
    #[must_use]
    pub fn partition(&self, count: u32) -> Partition {
        let leading = u32::from(u16::from_be_bytes([self.0[0], self.0[1]]));
        let partition = (u64::from(leading) * u64::from(count)) >> 16;
        Partition(u16::try_from(partition).unwrap_or(u16::MAX))
    }
}

fn locator(namespace: &str, session_id: &str) -> [u8; 2] {
    let mut hasher = blake3::Hasher::new_derive_key(LOCATOR_CONTEXT);
    hasher.update(namespace.as_bytes()).update(&[0]).update(session_id.as_bytes());
    let hash = hasher.finalize();
    [hash.as_bytes()[0], hash.as_bytes()[1]]
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Enough to tell records apart in a log, too little to name one.
        write!(f, "Key({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}
