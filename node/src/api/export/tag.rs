//! What shows that a record is one that a node has handed out.

use crate::membership::Membership;
use crate::session::{Key, ReplicaId};

const TAG_CONTEXT: &str = "sojourn 2026-11 export tag v1";
const FINGERPRINT_CONTEXT: &str = "sojourn 2026-11 session secret fingerprint v1";
const LINEAGE_CONTEXT: &str = "sojourn 2026-11 cluster lineage v1";

/// Names a cluster as it was founded: one that is founded anew is another one, whatever its id.
/// None until the membership is known.
pub(super) fn lineage(membership: &Membership) -> Option<[u8; 16]> {
    let founder = membership.nodes.get(&ReplicaId(1))?;
    let mut hasher = blake3::Hasher::new_derive_key(LINEAGE_CONTEXT);
    hasher.update(membership.cluster_id.as_bytes()).update(&[0]).update(founder.store_id.as_bytes());
    Some(half(hasher.finalize().as_bytes()))
}

/// What a cluster's secret for keys and tags amounts to here.
pub(super) struct Tagger {
    secret: [u8; 32],
    pub(super) fingerprint: [u8; 16],
}

impl Tagger {
    pub(super) fn new(key_secret: &[u8; 32]) -> Self {
        Self {
            secret: blake3::derive_key(TAG_CONTEXT, key_secret),
            fingerprint: half(&blake3::derive_key(FINGERPRINT_CONTEXT, key_secret)),
        }
    }

    /// The tag of a record. Nobody without the secret can make one, so no client can
    /// bring states with dots that were never made.
    pub(super) fn tag(&self, lineage: &[u8; 16], key: &Key, state: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(lineage).update(&key.0).update(state);
        hasher.finalize()
    }
}

fn half(whole: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_of_the_whole_record_and_of_one_secret() {
        let tagger = Tagger::new(&[1; 32]);
        let tag = tagger.tag(&[2; 16], &Key([3; 16]), b"state");
        assert_ne!(tag, tagger.tag(&[9; 16], &Key([3; 16]), b"state"));
        assert_ne!(tag, tagger.tag(&[2; 16], &Key([9; 16]), b"state"));
        assert_ne!(tag, tagger.tag(&[2; 16], &Key([3; 16]), b"other"));
        let other = Tagger::new(&[9; 32]);
        assert_ne!(tag, other.tag(&[2; 16], &Key([3; 16]), b"state"));
        assert_ne!(tagger.fingerprint, other.fingerprint);
    }
}
