//! Session ids, namespaces and reasons: minting and validation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::status::{Failure, Reason};
use crate::env::{Rng, SharedRng};
use crate::security::identity::valid_name;

/// Bytes of randomness in a minted id: 256 bits, 43 characters.
const ID_BYTES: usize = 32;

/// Longest session id, in bytes.
const ID_BYTES_MAX: usize = 256;

/// Shortest adopted id, in bytes: 22 characters of base64 hold 128 bits.
const ADOPTED_ID_BYTES_MIN: usize = 22;

/// Longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 64;

const NAME_ALLOWED: &str = "1 to 64 characters of [a-z0-9_.-]";

/// Draws a new session id.
#[must_use]
pub(super) fn mint(rng: &SharedRng) -> String {
    let bytes: [u8; ID_BYTES] = rng.with(|rng| rng.random());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Checks a namespace.
pub(super) fn check_namespace(namespace: &str) -> Result<(), Failure> {
    if valid_name(namespace) { Ok(()) } else { Err(Failure::field("namespace", NAME_ALLOWED)) }
}

/// Checks the reason of a revocation.
pub(super) fn check_reason(reason: &str) -> Result<(), Failure> {
    if valid_name(reason) { Ok(()) } else { Err(Failure::field("reason", NAME_ALLOWED)) }
}

/// Checks an id that a caller shows. The id itself never appears in the failure.
pub(super) fn check_id(id: &str) -> Result<(), Failure> {
    check_characters("session_id", id, 1)
}

/// Checks an id that a caller brings.
pub(super) fn check_adopted_id(id: &str, allowed: bool) -> Result<(), Failure> {
    if !allowed {
        let message = "this node does not take ids minted elsewhere (api.adopted_ids_allowed); \
                       leave adopted_session_id empty";
        return Err(Failure::new(Reason::AdoptedIdRefused, message).with("field", "adopted_session_id"));
    }
    check_characters("adopted_session_id", id, ADOPTED_ID_BYTES_MIN)
}

/// Checks an idempotency key.
pub(super) fn check_idempotency_key(key: &[u8]) -> Result<(), Failure> {
    if key.len() <= IDEMPOTENCY_KEY_BYTES_MAX {
        return Ok(());
    }
    Err(Failure::field("options.idempotency_key", "at most 64 bytes").with("actual", key.len()))
}

fn check_characters(field: &str, id: &str, least: usize) -> Result<(), Failure> {
    let valid = (least..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if valid {
        return Ok(());
    }
    Err(Failure::field(field, &format!("{least} to {ID_BYTES_MAX} visible ASCII characters")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_are_valid_and_differ() {
        let rng = SharedRng::from_seed(1);
        let (one, two) = (mint(&rng), mint(&rng));
        assert_eq!(one.len(), 43);
        assert_ne!(one, two);
        assert!(check_id(&one).is_ok() && check_adopted_id(&one, true).is_ok());
    }

    #[test]
    fn bad_ids_are_refused_without_showing_them() {
        for id in ["", "with space", "tab\t", "ümlaut", &"x".repeat(257)] {
            let error = check_id(id).unwrap_err().into_error();
            assert_eq!(error.reason, "INVALID_FIELD");
            assert_eq!(error.metadata["field"], "session_id");
            assert!(id.is_empty() || !format!("{error:?}").contains(id));
        }
    }

    #[test]
    fn adopted_ids_need_permission_and_length() {
        let reason = |id: &str, allowed| check_adopted_id(id, allowed).unwrap_err().reason();
        assert_eq!(reason(&"x".repeat(43), false), Reason::AdoptedIdRefused);
        assert_eq!(reason("short", true), Reason::InvalidField);
    }

    #[test]
    fn namespaces_reasons_and_idempotency_keys_are_checked() {
        assert!(check_namespace("shop.eu_1-a").is_ok() && check_reason("logout").is_ok());
        for bad in ["", "Shop", "a b", &"a".repeat(65)] {
            assert_eq!(check_namespace(bad).unwrap_err().into_error().metadata["field"], "namespace");
            assert_eq!(check_reason(bad).unwrap_err().into_error().metadata["field"], "reason");
        }
        assert!(check_idempotency_key(&[0; 64]).is_ok());
        assert!(check_idempotency_key(&[0; 65]).is_err());
    }
}
