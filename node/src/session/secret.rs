//! The secret part of an id that was rotated.
//!
//! A session's record and key stay for life. Its first id finds it; an id that came by a
//! rotation is the first id and, behind a separator, a secret of 128 bits.

use std::fmt;

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 16;

/// Stands for a secret in the record: a keyed hash, so that nothing on a disk or on a
/// wire between nodes can be used as an id.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretHash(pub [u8; 16]);

/// What a hash is made of cannot begin like this: neither a namespace nor a length does.
const OF_SECRET: [u8; 2] = [0xff, 1];
const OF_RETRY: [u8; 2] = [0xff, 2];

impl SecretHash {
    /// Stands for the first id, which has no secret.
    pub const FIRST: Self = Self([0; 16]);

    /// The hash of a secret of one session.
    #[must_use]
    pub fn of(
        cluster_secret: &[u8; 32],
        namespace: &str,
        first_id: &str,
        secret: &[u8; SECRET_BYTES],
    ) -> Self {
        Self(keyed(cluster_secret, OF_SECRET, namespace, first_id, secret))
    }
}

/// The secret that a rotation with an idempotency key gives out: whoever makes the same call
/// again is given the same one, and nothing had to be kept for that. Of no use without the
/// cluster's secret.
#[must_use]
pub fn secret_of_retry(
    cluster_secret: &[u8; 32],
    namespace: &str,
    shown_id: &str,
    idempotency_key: &[u8],
) -> [u8; SECRET_BYTES] {
    keyed(cluster_secret, OF_RETRY, namespace, shown_id, idempotency_key)
}

fn keyed(cluster_secret: &[u8; 32], use_: [u8; 2], namespace: &str, id: &str, rest: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(cluster_secret);
    // Neither a namespace nor an id has a zero byte.
    hasher.update(&use_).update(namespace.as_bytes()).update(&[0]).update(id.as_bytes()).update(&[0]);
    hasher.update(rest);
    let mut hash = [0; 16];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    hash
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::FIRST { "SecretHash(first)" } else { "SecretHash(..)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_uses_are_apart() {
        let of = |cluster: u8, namespace: &str, id: &str, secret: u8| {
            SecretHash::of(&[cluster; 32], namespace, id, &[secret; 16])
        };
        let one = of(1, "web", "id", 1);
        let others = [of(2, "web", "id", 1), of(1, "shop", "id", 1), of(1, "web", "other", 1)];
        assert!(others.iter().all(|other| *other != one) && of(1, "web", "id", 2) != one);
        assert_eq!(of(1, "web", "id", 1), one);
        assert_ne!(secret_of_retry(&[1; 32], "web", "id", &[1; 16]), one.0);
    }

    #[test]
    fn nothing_secret_is_shown_for_debugging() {
        assert_eq!(format!("{:?}", SecretHash([7; 16])), "SecretHash(..)");
    }
}
