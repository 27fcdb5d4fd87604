//! Causal tokens: what an answer reflects, for a later call on any node.
//!
//! A token is `version (1 byte), partition, count, then per origin: replica,
//! incarnation, seq`, all LEB128 varints, origins ascending. Version 1 is below.
//! A token holds nothing secret and says nothing about the session's id.

use bytes::Bytes;
use crdts::CmRDT;

use super::status::{Failure, Reason};
use crate::session::{Dot, Origin, Partition, ReplicaId, VersionVector};

const VERSION: u8 = 1;

/// Longest token that is read, in bytes; a vector of 1 000 origins takes about 8 000.
const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// What a token names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CausalToken {
    /// The partition that the vector is about.
    pub(super) partition: Partition,
    /// Everything up to these numbers.
    pub(super) vector: VersionVector,
}

impl CausalToken {
    /// For an answer.
    #[must_use]
    pub(super) fn encode(partition: Partition, vector: &VersionVector) -> Bytes {
        let mut token = Vec::with_capacity(4 + vector.dots.len() * 8);
        token.push(VERSION);
        put(&mut token, partition.0.into());
        put(&mut token, vector.dots.len() as u64);
        for (origin, seq) in &vector.dots {
            put(&mut token, origin.replica.0.into());
            put(&mut token, origin.incarnation.into());
            put(&mut token, *seq);
        }
        token.into()
    }

    /// From a call.
    ///
    /// # Errors
    /// [`Reason::MalformedToken`] if it was not made by `encode`.
    pub(super) fn decode(token: &[u8]) -> Result<Self, Failure> {
        read(token).ok_or_else(|| {
            let message = "causal_token is not a token from an answer of this cluster";
            Failure::new(Reason::MalformedToken, message).with("field", "options.causal_token")
        })
    }
}

fn read(token: &[u8]) -> Option<CausalToken> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let mut rest = token.strip_prefix(&[VERSION])?;
    let partition = Partition(take(&mut rest)?.try_into().ok()?);
    let count = take(&mut rest)?;
    let mut vector = VersionVector::new();
    let mut last = None;
    for _ in 0..count {
        let replica = ReplicaId(take(&mut rest)?.try_into().ok()?);
        let origin = Origin { replica, incarnation: take(&mut rest)?.try_into().ok()? };
        let seq = take(&mut rest)?;
        if seq == 0 || last.is_some_and(|last| last >= origin) {
            return None;
        }
        last = Some(origin);
        vector.apply(Dot { origin, seq }.into());
    }
    rest.is_empty().then_some(CausalToken { partition, vector })
}

pub(super) fn put(token: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        token.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    token.push(value as u8);
}

pub(super) fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vectors() -> impl Strategy<Value = VersionVector> {
        proptest::collection::btree_map((any::<u16>(), any::<u32>()), 1..u64::MAX, 0..8).prop_map(|entries| {
            let mut vector = VersionVector::new();
            for ((replica, incarnation), seq) in entries {
                let origin = Origin { replica: ReplicaId(replica), incarnation };
                vector.apply(Dot { origin, seq }.into());
            }
            vector
        })
    }

    proptest! {
        #[test]
        fn tokens_round_trip(partition: u16, vector in vectors()) {
            let partition = Partition(partition);
            let token = CausalToken::encode(partition, &vector);
            prop_assert_eq!(CausalToken::decode(&token).unwrap(), CausalToken { partition, vector });
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = CausalToken::decode(&bytes);
        }

        #[test]
        fn a_cut_token_is_refused(vector in vectors(), cut in 0_usize..64) {
            let token = CausalToken::encode(Partition(7), &vector);
            let cut = cut.min(token.len() - 1);
            prop_assert_eq!(CausalToken::decode(&token[..cut]).unwrap_err().reason(), Reason::MalformedToken);
        }
    }

    #[test]
    fn other_versions_and_trailing_bytes_are_refused() {
        let mut token = CausalToken::encode(Partition(7), &VersionVector::new()).to_vec();
        assert!(CausalToken::decode(&token).is_ok());
        token.push(0);
        assert!(CausalToken::decode(&token).is_err());
        token.pop();
        token[0] = 2;
        assert!(CausalToken::decode(&token).is_err());
    }
}
